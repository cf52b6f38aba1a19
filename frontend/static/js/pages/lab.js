/**
 * Pages for operators: they stay up to date, copy links, and send files.
 */

import { mountCopyButtons } from "components/copy_button";
import { mountShareButtons } from "components/share_button";
import { mountUploadForms } from "components/upload_form";
import { awaitPictures } from "lib/images/late_pictures";
import { showCurrentPart } from "lib/lab/navigation";
import { keepFresh } from "lib/lab/page_refresh";

awaitPictures(document.body);
mountCopyButtons(document);
mountShareButtons(document);
mountUploadForms(document);
keepFresh(() => {
  mountCopyButtons(document);
  mountShareButtons(document);
});
showCurrentPart();

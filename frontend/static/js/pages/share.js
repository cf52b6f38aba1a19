/**
 * Pages with a link to send.
 */

import { mountCopyButtons } from "components/copy_button";
import { mountShareButtons } from "components/share_button";
import { showCurrentPart } from "lib/lab/navigation";

mountCopyButtons(document);
mountShareButtons(document);
showCurrentPart();

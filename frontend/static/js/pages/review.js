/**
 * The queue of triplets: every button with a `data-key` can be pressed by that key.
 */

import { mountKeys } from "components/shortcut_keys";
import { showCurrentPart } from "lib/lab/navigation";

mountKeys(document);
showCurrentPart();

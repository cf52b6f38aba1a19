/**
 * What a device and its owner can feel.
 */

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

/** Whether the visitor asked for less movement. */
export const prefersCalm = () => calm.matches;

/**
 * A short buzz, where the device has one and has been touched: browsers complain about anything earlier.
 * @param {number} milliseconds
 */
export function buzz(milliseconds) {
  if (!calm.matches && navigator.userActivation?.hasBeenActive) navigator.vibrate?.(milliseconds);
}

// The access key: asked for when the server wants one, kept for this tab only.

import { byId } from "./dom.js";

const SLOT = "switchboard.key";
let asking = null;

/** Return the headers that carry the key; none where there is no key. */
export function authorisation() {
  const key = sessionStorage.getItem(SLOT);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Ask the person for a key, once for all requests that wait for it. Resolves to false when they decline. */
export function askForKey() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

function ask() {
  const dialog = byId("key-dialog");
  const input = byId("key");
  byId("key-wrong").hidden = !sessionStorage.getItem(SLOT);
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(keep(dialog.returnValue, input)), { once: true });
  });
}

function keep(choice, input) {
  const key = input.value.trim();
  input.value = "";
  if (choice !== "use" || !key) return false;
  sessionStorage.setItem(SLOT, key);
  return true;
}

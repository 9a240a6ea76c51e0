// Untrusted Markdown to safe nodes. Two walls, each enough alone: the parser writes no HTML of the author's,
// and the sanitiser lets through a short list of tags. There are no images: a remote one would tell its host who reads.

import markdownIt from "./vendor/markdown-it.js";
import "./vendor/dompurify.js";

const TAGS = [
  "p",
  "br",
  "hr",
  "h3",
  "h4",
  "h5",
  "h6",
  "ul",
  "ol",
  "li",
  "blockquote",
  "pre",
  "code",
  "em",
  "strong",
];
const TABLE = ["s", "a", "table", "thead", "tbody", "tr", "th", "td"];
// Each block reads its own way; `auto` would not look into a paragraph that has a direction of its own.
const DIRECTED = new Set("P UL OL BLOCKQUOTE TABLE H3 H4 H5 H6".split(" "));
const SAFE_LINK = /^(?:https?:|mailto:)/i;

const markdown = markdownIt({ html: false, linkify: true, typographer: false });
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
markdown.validateLink = (address) => SAFE_LINK.test(address.trim());
markdown.renderer.rules.image = (tokens, index) => markdown.utils.escapeHtml(tokens[index].content);
// An answer's headings stand below the page's own; a column's alignment would be an inline style.
markdown.core.ruler.push("tame", ({ tokens }) => tokens.forEach(tame));

function tame(token) {
  if (token.type.startsWith("heading_")) token.tag = `h${Math.min(6, Number(token.tag[1]) + 2)}`;
  if (token.type === "th_open" || token.type === "td_open") token.attrs = null;
}

const purifier = globalThis.DOMPurify;
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (DIRECTED.has(node.tagName) && !node.closest("li p, blockquote p")) node.setAttribute("dir", "auto");
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener nofollow noreferrer");
});

/** Return a fragment with the text rendered: no scripts, styles, images, forms or handlers. */
export function toSafe(text) {
  return purifier.sanitize(markdown.render(text), {
    ALLOWED_TAGS: [...TAGS, ...TABLE],
    ALLOWED_ATTR: ["href", "title", "start"],
    ALLOWED_URI_REGEXP: SAFE_LINK,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}

/** Return the text as a reader sees it, without the marks of Markdown. */
export const toPlain = (text) => toSafe(text).textContent;

/** Make the place show the fragment, leaving the blocks that have not changed alone, and a selection in them. */
export function replaceChanged(place, fragment) {
  const fresh = [...fragment.childNodes];
  let same = 0;
  while (same < fresh.length && place.childNodes[same]?.isEqualNode(fresh[same])) same++;
  while (place.childNodes.length > same) place.lastChild.remove();
  place.append(...fresh.slice(same));
}

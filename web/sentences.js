// Finds sentences in rendered text, which has lost the Markdown's marks and gained elements.

/** Return the text of the root with runs of white space as one space, and where each character stands. */
export function textOf(root) {
  const places = [];
  let text = "";
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  let block = null;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (block && block !== blockOf(node) && !text.endsWith(" ")) add(" ", node, 0);
    block = blockOf(node);
    for (let index = 0; index < node.data.length; index++) add(node.data[index], node, index);
  }
  return { text, places };

  function add(character, node, offset) {
    const shown = /\s/.test(character) ? " " : character;
    if (shown === " " && (!text || text.endsWith(" "))) return;
    text += shown;
    places.push({ node, offset });
  }
}

const blockOf = (node) => node.parentElement?.closest("p,li,td,th,pre,blockquote,h3,h4,h5,h6") ?? null;

/** Return the range of the wanted sentence at or after `from`, else anywhere; null where it does not occur. */
export function find({ text, places }, wanted, from = 0) {
  const needle = wanted.replace(/\s+/g, " ").trim();
  if (!needle) return null;
  const later = text.indexOf(needle, from);
  const start = later >= 0 ? later : text.indexOf(needle);
  if (start < 0) return null;
  return { start, end: start + needle.length, first: places[start], last: places[start + needle.length - 1] };
}

/** Wrap the found text in elements that `wrapper()` makes: one for each text node that it touches. */
export function wrap(root, found, wrapper) {
  const pieces = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  let inside = false;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    inside ||= node === found.first.node;
    if (!inside) continue;
    const start = node === found.first.node ? found.first.offset : 0;
    const end = node === found.last.node ? found.last.offset + 1 : node.data.length;
    if (node.data.slice(start, end).trim()) pieces.push([node, start, end]);
    if (node === found.last.node) break;
  }
  return pieces.map(([node, start, end]) => wrapPiece(node, start, end, wrapper()));
}

function wrapPiece(node, start, end, holder) {
  const range = document.createRange();
  range.setStart(node, start);
  range.setEnd(node, end);
  range.surroundContents(holder);
  return holder;
}

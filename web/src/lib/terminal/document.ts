/**
 * Has xterm.js style what it draws by script. It makes style elements and style attributes, which the page's CSP rightly
 * refuses; here the same rules go into style sheets made by script, and the same declarations through the style object,
 * which no CSP forbids because no markup can reach them.
 *
 * It can be given a document of its own for its elements (`documentOverride`), but keeps to the window's for its scroll bar
 * and for every piece of text. So it is the window's that makes them in another way, from now on, for whatever asks: what
 * is changed would have been refused otherwise.
 */
export function styledByScript(document: Document): void {
  if (Object.hasOwn(document, 'createElement')) return;
  const create = document.createElement.bind(document);
  const createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name === 'style') return sheetElement(document, create('div'));
    const element = create(name, options);
    if (name === 'span') element.setAttribute = setAttribute;
    return element;
  };
  Object.defineProperty(document, 'createElement', { value: createElement });
}

/** An element whose text is a style sheet of the document for as long as the element is. */
function sheetElement(document: Document, element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  element.hidden = true;
  Object.defineProperty(element, 'textContent', { set: (rules: string) => sheet.replaceSync(rules) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((adopted) => adopted !== sheet);
    HTMLElement.prototype.remove.call(element);
  };
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return element;
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name !== 'style') return HTMLElement.prototype.setAttribute.call(this, name, value);
  for (const declaration of value.split(';')) {
    const colon = declaration.indexOf(':');
    if (colon < 1) continue;
    this.style.setProperty(declaration.slice(0, colon).trim(), declaration.slice(colon + 1).trim());
  }
}

/**
 * The document that a terminal makes its elements with. xterm.js writes style elements and style attributes, which the
 * page's CSP rightly refuses; here the same rules go into style sheets made by script, and the same declarations
 * through the style object, which no CSP forbids because no markup can reach them.
 */

/** `document`, but for how styles are set. */
export function styledByScript(document: Document): Document {
  const createElement = (name: string): HTMLElement => {
    if (name === 'style') return sheetElement(document);
    const element = document.createElement(name);
    if (name === 'span') element.setAttribute = setAttribute;
    return element;
  };
  return new Proxy(document, {
    get(target, property) {
      if (property === 'createElement') return createElement;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}

/** An element whose text is a style sheet of the document for as long as the element is. */
function sheetElement(document: Document): HTMLElement {
  const sheet = new CSSStyleSheet();
  const element = document.createElement('div');
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
    if (colon > 0)
      this.style.setProperty(declaration.slice(0, colon).trim(), declaration.slice(colon + 1).trim());
  }
}

/** The current route, kept in step with the browser's history. */
import { parseRoute, pathOf, type Route } from './router';

class Router {
  route = $state.raw<Route>(parseRoute(location.pathname));

  constructor() {
    addEventListener('popstate', () => (this.route = parseRoute(location.pathname)));
  }

  /** Goes somewhere. `replace`: the page that is left is no place to come back to. */
  go(route: Route, { replace = false } = {}): void {
    const path = pathOf(route);
    if (path !== location.pathname) history[replace ? 'replaceState' : 'pushState'](null, '', path);
    this.route = route;
  }

  /** Follows a click on a link of ours, unless it asks for a new tab or window. */
  follow = (event: MouseEvent): void => {
    const link = (event.target as Element).closest('a');
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    event.preventDefault();
    this.go(parseRoute(link.pathname));
  };
}

/** The page's one router. */
export const router = new Router();

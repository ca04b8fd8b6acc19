/** Starts the page. */
import { mount } from 'svelte';
import App from './App.svelte';
import { app } from './lib/app.svelte';
import { i18n } from './lib/i18n.svelte';
import './styles/tokens.css';
import './styles/base.css';
import './styles/code.css';

// No top-level await: the dictionaries import from this module's file, and would wait for it while it waits for them.
void app.begin();
void i18n.begin().then(() => mount(App, { target: document.body }));

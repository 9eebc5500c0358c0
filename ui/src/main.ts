import '@fontsource-variable/inter/wght.css';
import './app.css';

import { mount } from 'svelte';

import Gavelscope from './Gavelscope.svelte';
import { App } from './lib/app.svelte';
import { tauri } from './lib/platform/tauri';

const app = new App(tauri);
void app.store.start(tauri);

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has lost its #app');
mount(Gavelscope, { target, props: { app } });

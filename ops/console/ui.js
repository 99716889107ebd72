// What every page is made of: elements, words, numbers, times, icons, and rows in a window.
// Text of the server is only ever set as the text of a node.

// h makes an element: its name with classes ("p.dim"), perhaps its properties, and its children:
// nodes, texts, or lists of them; null and false are left out. Properties "on..." are listeners.
export function h(name, props, ...children) {
	const [tag, ...classes] = name.split('.');
	const el = document.createElement(tag);
	if (classes.length) el.className = classes.join(' ');
	if (props?.constructor !== Object) children.unshift(props);
	else for (const [key, value] of Object.entries(props)) {
		if (key.startsWith('on')) el.addEventListener(key.slice(2), value);
		else if (key === 'value') el.value = value ?? '';
		else if (value || value === 0 || value === '') el.setAttribute(key, value === true ? '' : value);
	}
	add(el, children);
	return el;
}

const nothing = child => child === null || child === undefined || child === false;

function add(el, children) {
	for (const child of children) {
		if (Array.isArray(child)) add(el, child);
		else if (!nothing(child)) el.append(child);
	}
}

// fill replaces the content of an element. What had the focus, by its data-key, has it afterwards.
export function fill(el, ...children) {
	const key = el.contains(document.activeElement) && document.activeElement.dataset.key;
	el.replaceChildren();
	add(el, children);
	if (key) el.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

export const dim = (...children) => h('span.dim', ...children);

// plain are the properties of a field for what is no language.
export const plain = { autocomplete: 'off', spellcheck: 'false' };

export const h2 = key => h('h2', t(key));

// pairs is a list of names with their values. A name without a value is left out.
export const pairs = (entries, list = 'dl.pairs') => h(list, entries.filter(([, value]) => !nothing(value))
	.map(([name, ...value]) => h('div', h('dt', name), h('dd', ...value))));

const capital = text => text[0].toUpperCase() + text.slice(1);

// table is a table whose columns have words. On a phone each cell says its column.
export const table = (columns, rows) => h('table', h('thead', h('tr', columns.map(name => h('th', { scope: 'col' }, t(name))))),
	h('tbody', rows.map(row => h('tr', row.map((cell, i) => h('td', { 'data-label': capital(t(columns[i])) }, h('span', cell)))))));

// heading is the title of a page, with what stands beside it.
export function heading(text, ...beside) {
	document.title = text + ' · cutover';
	return h('div.title', h('h1', { tabindex: -1, 'data-key': 'h1' }, text), ...beside);
}

// crumbs leads back to where a page belongs.
export const crumbs = (...parts) => h('p.crumbs', link({}, null, t('plans')), parts.map(part => [' › ', part]));

// part is a part of a page that is drawn again only if what it shows has changed.
export function part(name, draw, props) {
	const el = h(name, props);
	let shown;
	return {
		el,
		show(...data) {
			const now = JSON.stringify([data, settings.utc, lang]);
			if (now === shown) return;
			shown = now;
			fill(el, draw(...data));
		},
	};
}

// Words. A text has {name} for a parameter.

export let lang = 'en';
let words = {};

export async function speak(name) {
	words = await (await fetch(name + '.json')).json();
	lang = name;
	document.documentElement.lang = name;
}

export const has = key => Object.hasOwn(words, key);

export function t(key, params = {}) {
	return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => {
		const value = params[name];
		return typeof value === 'number' ? number(value) : value ?? '';
	});
}

export const number = n => n.toLocaleString(lang);

// word is the word for a value of the server; the value itself if it is a new one.
export const word = (kind, value) => (has(`${kind}.${value}`) ? t(`${kind}.${value}`) : String(value));

// causeWord is the word for the cause of an event: one of its own, or that of the command.
export const causeWord = cause => (has('cause.' + cause) ? t('cause.' + cause) : cause.endsWith(' tasks')
	? t('cause.tasks', { action: word('action', cause.slice(0, -6)) }) : word('action', cause));

export const outOf = (n, all) => t('of.plan', { n, all });
export const nthWave = wave => t('wave.n', { wave: String(wave) });

// keep keeps a value in a storage of the browser, and kept returns it. Without storage it lasts as
// long as the page.
export function keep(storage, name, value) {
	try {
		window[storage].setItem('cutover.' + name, JSON.stringify(value));
	} catch { /* no storage, or too little */ }
}

export function kept(storage, name) {
	try {
		return JSON.parse(window[storage].getItem('cutover.' + name));
	} catch {
		return null;
	}
}

export const settings = { lang: '', utc: false, ...kept('localStorage', 'settings') };

// Times. All of them are compared with the server's clock.

let ahead = 0;

export function setClock(time) {
	if (!Number.isNaN(time)) ahead = time - Date.now();
}

export const now = () => Date.now() + ahead;

const two = n => String(n).padStart(2, '0');

// clockTime is a time with its offset, and with its day if that is not today.
export function clockTime(time) {
	const at = new Date(time);
	const offset = settings.utc ? 0 : -at.getTimezoneOffset();
	const shifted = new Date(at.getTime() + offset * 60000).toISOString();
	const today = new Date(now() + offset * 60000).toISOString().slice(0, 10);
	const zone = settings.utc ? 'UTC' : `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60 | 0)}:${two(Math.abs(offset) % 60)}`;
	return `${shifted.startsWith(today) ? '' : shifted.slice(0, 10) + ' '}${shifted.slice(11, 19)} ${zone}`;
}

export const when = time => h('time', { datetime: time, title: time }, clockTime(time));

// span is a length of time, in the two largest units.
export function span(ms) {
	const s = Math.max(0, Math.round(ms / 1000));
	const parts = [['d', s / 86400 | 0], ['h', (s / 3600 | 0) % 24], ['m', (s / 60 | 0) % 60], ['s', s % 60]];
	const first = parts.findIndex(([, n]) => n > 0);
	if (first < 0) return t('unit.s', { x: 0 });
	return parts.slice(first, first + 2).filter(([, n]) => n > 0).map(([unit, n]) => t('unit.' + unit, { x: n })).join(' ');
}

// seconds reads a duration of the server, such as "90s".
export const seconds = text => (text ? parseFloat(text) : 0);

const ticking = new WeakMap();

// ticks is a text that is made again every second.
export function ticks(text) {
	const el = h('span', { 'data-ticks': true }, text());
	ticking.set(el, text);
	return el;
}

export const age = time => ticks(() => span(now() - Date.parse(time)));
export const whenAndAge = time => [when(time), ' (', age(time), ')'];

setInterval(() => {
	for (const el of document.querySelectorAll('[data-ticks]')) {
		const text = ticking.get(el)?.();
		if (text !== undefined && text !== el.textContent) el.textContent = text;
	}
}, 1000);

// Icons: every state has a shape of its own, so that none is told by its colour alone.

const circle = 'M8 2.5a5.5 5.5 0 1 0 .01 0';
const triangle = 'M8 2L1.5 13.5h13zM8 6.5v3.5M8 11.5v.5';
const shapes = {
	CREATED: 'M8 3v10M3 8h10', PENDING: circle, RUNNING: 'M5 3l8 5-8 5z',
	PAUSED: 'M5.5 3v10M10.5 3v10', COMPLETED: 'M3 8.5l3.5 3.5L13 4.5', FAILED: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
	SKIPPED: 'M3 4l5 4-5 4M8 4l5 4-5 4', CANCELLED: circle + 'M4 12L12 4',
	ROLLING_BACK: 'M6 3L3 6l3 3M3 6h6a4 4 0 0 1 0 8H6', ROLLED_BACK: 'M6 2L3 5l3 3M3 5h6a3.5 3.5 0 0 1 0 7H8M3 14h10',
	ROLLBACK_FAILED: triangle, clock: circle + 'M8 5v3.5l2 1.5', hand: triangle,
};

export function icon(name) {
	const make = (tag, props) => {
		const el = document.createElementNS('http://www.w3.org/2000/svg', tag);
		for (const [key, value] of Object.entries(props)) el.setAttribute(key, value);
		return el;
	};
	const svg = make('svg', { viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true' });
	svg.append(make('path', { d: shapes[name] ?? circle }));
	return svg;
}

// headline says how something stands: it is good, bad, waits, or needs somebody to act.
export const headline = (tone, text, symbol = { good: 'COMPLETED', wait: 'clock' }[tone] ?? 'hand') =>
	h('p', { class: 'headline ' + tone }, icon(symbol), ' ', text);

// countdown is how long it is until a time, in milliseconds.
export const countdown = at => [icon('clock'), ' ', ticks(() => t('bake.left', { span: span(at - now()), time: clockTime(at) }))];

export const badge = state => h('span', { class: `badge s-${state}` }, icon(state), word('state', state));

// The states of tasks in the order in which they are shown. The first six are an end.
export const taskStates = [
	'COMPLETED', 'SKIPPED', 'ROLLED_BACK', 'CANCELLED', 'FAILED', 'ROLLBACK_FAILED', 'RUNNING', 'ROLLING_BACK', 'PAUSED', 'PENDING',
];
const ends = taskStates.slice(0, 6);
export const isEnd = state => ends.includes(state);

// tally is how many tasks of a plan are in some states.
export const tally = (plan, ...states) => states.reduce((sum, state) => sum + (plan.counters[state] ?? 0), 0);
export const ended = plan => tally(plan, ...ends);
export const failed = plan => tally(plan, 'FAILED', 'ROLLBACK_FAILED');
export const inFlight = plan => tally(plan, 'RUNNING', 'ROLLING_BACK');

// progress is a bar with a stretch for each state. Failures are striped; numbers stand beside it.
export function progress(plan) {
	const share = Math.floor(100 * ended(plan) / Math.max(1, plan.taskCount));
	const bar = h('span.bar', { role: 'img', 'aria-label': `${share} % ${t('progress')}` });
	for (const state of taskStates) {
		if (!tally(plan, state)) continue;
		const stretch = h('span.f-' + state);
		stretch.style.flexGrow = tally(plan, state);
		stretch.style.backgroundColor = `var(--c-${state})`;
		bar.append(stretch);
	}
	return bar;
}

// link is a link within the console.
export function link(query, props, ...children) {
	const href = '?' + new URLSearchParams(query);
	return h('a', { href, 'data-nav': true, 'data-key': href, ...props }, ...children);
}

export const workerLink = name => name && link({ worker: name }, null, name);
export const planLink = ({ plan, planName }) => link({ plan }, null, `#${plan} ${planName}`);

export const button = (text, onclick, props) => h('button', { type: 'button', onclick, ...props }, text);

// chip is a button that is pressed or not.
export const chip = (key, content, pressed, onclick) => button(content, onclick, { class: 'chip', 'aria-pressed': String(pressed), 'data-key': key });

// chips is a group of buttons, drawn anew when something else is shown.
export const chips = (name, draw) => part('div.chips', draw, { role: 'group', 'aria-label': name });

// Announcements to screen readers: the last one, at most every five seconds.

let waiting = null;
let quietUntil = 0;

export function announce(text) {
	const idle = waiting === null;
	waiting = text;
	if (!idle) return;
	setTimeout(() => {
		document.getElementById('live').textContent = waiting;
		waiting = null;
		quietUntil = Date.now() + 5000;
	}, Math.max(0, quietUntil - Date.now()));
}

// notice shows the answer to a command until it is dismissed or the next one comes.
export function notice(tone, ...content) {
	const el = document.getElementById('notice');
	const shown = h('div', { class: `notice ${tone}` }, h('span', ...content), button(t('close'), () => shown.remove()));
	fill(el, shown);
	if (tone !== 'bad') setTimeout(() => shown.remove(), 15000);
}

// soon makes one call of many, before the next frame is shown, and the next one after a pause in
// milliseconds.
export function soon(act, pause = 0) {
	let asked = false;
	let next = 0;
	const frame = () => requestAnimationFrame(() => {
		asked = false;
		next = performance.now() + pause;
		act();
	});
	return () => {
		if (asked) return;
		asked = true;
		const wait = next - performance.now();
		if (wait > 0) setTimeout(frame, wait);
		else frame();
	};
}

// Rows draws only the rows that are in view, whatever their number. It knows the view from events:
// to ask the elements each time would have the page laid out each time.
export class Rows {
	constructor({ render, key, empty, more }) {
		Object.assign(this, { render, key, empty, more, items: [], drawn: new Map(), top: 0, height: 0, view: 0 });
		this.redraw = soon(() => this.draw());
		this.space = h('div.space', { role: 'list', hidden: true });
		this.none = h('p.none');
		this.el = h('div.rows', { onscroll: () => {
			this.top = this.el.scrollTop;
			this.redraw();
		} }, this.none, this.space);
		this.resized = new ResizeObserver(() => {
			this.height = parseFloat(getComputedStyle(this.el).getPropertyValue('--row'));
			this.view = this.el.clientHeight;
			this.redraw();
		});
		this.resized.observe(this.el);
	}

	set(items) {
		this.items = items;
		this.redraw();
	}

	close() {
		this.resized.disconnect();
	}

	draw() {
		const { height, top, view } = this;
		if (!height) return;
		this.space.style.height = `${height * this.items.length}px`;
		this.none.textContent = this.items.length ? '' : this.empty();
		this.none.hidden = !(this.space.hidden = !this.items.length);
		const first = Math.max(0, Math.floor(top / height) - 5);
		const last = Math.min(this.items.length, Math.ceil((top + view) / height) + 5);
		const keys = new Set(this.items.slice(first, last).map(this.key));
		for (const [key, row] of this.drawn) {
			if (keys.has(key)) continue;
			row.el.remove();
			this.drawn.delete(key);
		}
		let before = null; // rows lie in the order in which they are read
		for (let i = first; i < last; i++) {
			const item = this.items[i];
			const key = this.key(item);
			const text = JSON.stringify(item);
			let row = this.drawn.get(key);
			if (row?.text !== text) {
				const el = h('div.row', { role: 'listitem', 'aria-setsize': this.items.length });
				fill(el, this.render(item));
				const focused = row?.el.contains(document.activeElement);
				if (row) row.el.replaceWith(el);
				if (focused) el.querySelector('a,button')?.focus({ preventScroll: true });
				row = { el, text };
				this.drawn.set(key, row);
			}
			row.el.style.top = `${i * height}px`;
			row.el.setAttribute('aria-posinset', i + 1);
			const place = before ? before.nextSibling : this.space.firstChild;
			if (place !== row.el) this.space.insertBefore(row.el, place);
			before = row.el;
		}
		if (last >= this.items.length) this.more?.();
	}
}

// The shell: the bar above every page, the state of the connection, and which page is shown.

import { announce, button, clockTime, fill, h, keep, lang, link, now, settings, speak, t, ticks } from './ui.js';
import { ask, connection, line, throwOther } from './server.js';
import { newPlanPage, plansPage } from './plans.js';
import { planPage } from './plan.js';
import { taskPage } from './task.js';

const languages = { en: 'English', 'zh-CN': '简体中文' };
const main = document.getElementById('main');

let page = null; // with close(), and shown again from its query
let me = { actor: '', actions: [] };

// route shows the page that the query names. A page is left before the next one is made, so that
// nothing of it goes on.
function route(focus) {
	page?.close?.();
	const query = new URLSearchParams(location.search);
	const context = { query, me, go, focus };
	main.replaceChildren();
	if (query.has('task')) page = taskPage(main, context);
	else if (query.has('plan')) page = planPage(main, context);
	else if (query.has('new')) page = newPlanPage(main, context);
	else page = plansPage(main, context);
	if (!focus) return;
	window.scrollTo(0, 0);
	const title = main.querySelector('h1');
	title?.setAttribute('tabindex', '-1');
	(title ?? main).focus({ preventScroll: true });
}

// go shows another page.
function go(query, replace) {
	const url = '?' + new URLSearchParams(query);
	if (replace) history.replaceState(null, '', url);
	else {
		history.pushState(null, '', url);
		route(true);
	}
}

document.addEventListener('click', e => {
	const a = e.target.closest?.('a[data-nav]');
	if (!a || e.defaultPrevented || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
	e.preventDefault();
	if (a.search !== location.search) history.pushState(null, '', a.search || '?');
	route(true);
});
window.addEventListener('popstate', () => route(true));

function top() {
	fill(document.getElementById('top'),
		h('a', { href: '#main', class: 'skip', onclick: e => (e.preventDefault(), main.focus()) }, t('skip')),
		link({}, { class: 'home' }, 'cutover'),
		h('span', { id: 'mode' }),
		h('span.fill'),
		me.actor && h('span.actor', me.actor),
		h('details.settings', h('summary', { 'data-key': 'settings' }, t('settings')),
			h('div.menu',
				h('label', t('language'), h('select', { 'data-key': 'lang', onchange: e => set({ lang: e.target.value }) },
					Object.entries(languages).map(([value, text]) => h('option', { value, selected: value === lang, lang: value }, text)))),
				h('label.choice', h('input', {
					type: 'checkbox', checked: settings.utc, 'data-key': 'utc', onchange: e => set({ utc: e.target.checked }),
				}), ' ', t('utc')),
				h('p', t('now'), ' ', ticks(() => clockTime(now()))))));
	mode();
}

async function set(change) {
	Object.assign(settings, change);
	keep('localStorage', 'settings', settings);
	await apply();
	const open = document.querySelector('.settings')?.open;
	top();
	document.querySelector('.settings').open = open;
	document.querySelector('.settings summary').focus();
	route(false);
}

async function apply() {
	const wanted = settings.lang || (navigator.languages.some(l => l.startsWith('zh')) && !navigator.language.startsWith('en') ? 'zh-CN' : 'en');
	for (;;) {
		try {
			return await speak(Object.hasOwn(languages, wanted) ? wanted : 'en');
		} catch {
			await new Promise(done => setTimeout(done, 2000));
		}
	}
}

// mode says how fresh what is shown is; a banner says what is wrong and what helps.
function mode() {
	const trouble = connection.signedOut ? 'out' : connection.away ? 'away' : connection.mode;
	// A page that follows nothing, such as a form, has no mode.
	fill(document.getElementById('mode'), trouble && h('span', { class: 'mode m-' + trouble }, t('mode.' + trouble)));
	const banner = document.getElementById('banner');
	if (connection.signedOut) {
		fill(banner, h('div.notice.bad', h('span', t('code.SIGNED_OUT')),
			h('a.button.primary', { href: location.href, target: '_blank', rel: 'noopener' }, t('sign.in')),
			button(t('again'), () => start())));
	} else if (connection.away) {
		const since = connection.seen ? clockTime(connection.seen) : '';
		fill(banner, h('div.notice.bad', h('span', t(connection.away === 'STORE_UNAVAILABLE' ? 'store.away' : 'server.away'),
			since && ' ' + t('stale.since', { time: since }))));
	} else banner.replaceChildren();
	if (trouble === 'out' || trouble === 'away') announce(t('mode.' + trouble));
}

connection.changed = mode;

// A page that nobody sees gets no sign-in from another tab; when it is seen again it asks.
document.addEventListener('visibilitychange', () => {
	if (!document.hidden && connection.signedOut) start();
});

let version = 0;
let retry;

// start asks who is there. A host with a newer document version has a newer page, too.
async function start() {
	clearTimeout(retry);
	try {
		const answer = await ask('me');
		if (version && answer.version > version) location.reload();
		version = answer.version;
		const changed = JSON.stringify(me) !== JSON.stringify(answer);
		me = answer;
		line.as(me.actor);
		if (changed) top();
	} catch (problem) {
		throwOther(problem);
		retry = setTimeout(start, 5000);
	}
}

await apply();
top();
await start();
route(true);

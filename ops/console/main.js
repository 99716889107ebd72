// The shell: the bar above every page, the state of the connection, and which page is shown; and the
// pages about what works in the background, workers and notifiers.

import {
	announce, badge, button, clockTime, fill, h, h2, headline, icon, keep, lang, link, now, number, outOf, pairs, planLink, settings, span, speak, t, table,
	ticks, when, whenAndAge, workerLink,
} from './ui.js';
import { ask, connection, line, throwOther, tried } from './server.js';
import { buttons, lookPage, open } from './command.js';
import { newPlanPage, plansPage } from './plans.js';
import { planPage } from './plan.js';
import { taskPage, tenantPage } from './task.js';

const languages = { en: 'English', 'zh-CN': '简体中文' };
const main = document.getElementById('main');

// The pages by the parameters that name them, the nearest first.
const pages = Object.entries({
	task: taskPage, plan: planPage, new: newPlanPage, tenant: tenantPage, workers: workersPage, worker: workersPage, notifiers: notifiersPage,
});

let page = null; // with close(), and shown again from its query
let me = { actor: '', actions: [] };

// route shows the page that the query names. A page is left before the next one is made, so that
// nothing of it goes on.
function route(focus) {
	page?.close?.();
	const query = new URLSearchParams(location.search);
	const ready = () => focus && (main.querySelector('h1') ?? main).focus({ preventScroll: true });
	main.replaceChildren();
	page = shown(query)(main, { query, me, go, ready });
	mark();
	if (focus) window.scrollTo(0, 0);
	ready();
}

// shown is the page that a query names.
const shown = query => pages.find(([name]) => query.has(name))?.[1] ?? plansPage;

// mark marks the link of the page that is shown.
function mark() {
	const here = shown(new URLSearchParams(location.search));
	for (const a of document.querySelectorAll('nav a')) a.ariaCurrent = shown(new URLSearchParams(a.search)) === here ? 'page' : null;
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
		h('b', 'cutover'),
		h('nav', { 'aria-label': t('pages') }, link({}, null, t('plans')),
			Object.entries({ tenant: 'tenants', workers: 'workers', notifiers: 'notifiers' }).map(([name, text]) => link({ [name]: '' }, null, t(text)))),
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
	mark();
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

// workersPage lists the workers that have a lease, or shows one with what it holds.
function workersPage(main, { query }) {
	const one = query.get('worker');
	let limit = 200;
	const lease = ({ leaseUntil }) => ticks(() => {
		const left = Date.parse(leaseUntil) - now();
		return left > 0 ? span(left) : t('lease.over');
	});
	const row = w => [
		h('code', workerLink(w.worker)),
		h('span.wave-bar', h('meter', { min: 0, max: w.capacity, value: w.held, 'aria-label': outOf(w.held, w.capacity) }), outOf(w.held, w.capacity)),
		w.executors.map(type => h('span.tag', type)), lease(w), when(w.joinedAt),
	];
	const held = task => [
		link({ plan: task.plan, task: task.task }, { class: 'tenant' }, task.tenant), planLink(task), badge(task.state),
	];
	const page = lookPage(main, 'workers', () => 'workers?' + new URLSearchParams(one ? { worker: one } : { limit }), ({ workers, next }) => [
		workers.length ? h('section.card', table(['worker', 'holds', 'executors', 'lease', 'since'], workers.map(row)))
			: h('p.notice.bad', icon('hand'), t('workers.none')),
		next && limit < 1000 && button(t('more'), () => {
			limit += 200;
			page.now();
		}, { 'data-key': 'more' }),
		one && workers.map(w => h('section.card', h2('holds'), table(['tenant', 'plan', 'state'], (w.tasks ?? []).map(held)),
			h('p.dim', outOf(w.tasks?.length ?? 0, w.held)))),
	]);
	return page;
}

// How long a notifier that has something to tell may be quiet, in milliseconds.
const quiet = 60000;

// notifiersPage shows whether people are told of what happens. That nobody is must be seen.
function notifiersPage(main) {
	const letters = {}; // that are shown, by the name of their notifier
	const page = lookPage(main, 'notifiers', () => 'notifiers', ({ notifiers }) => [
		!notifiers.length && h('p.notice.bad', icon('hand'), t('notifiers.none')),
		notifiers.map(n => notifierOf(n, page, letters)),
	], ({ notifiers }) => notifiers.map(toldBy)); // silence comes with time alone
	return page;
}

// toldBy is how a notifier does: a tone and the key of a text.
function toldBy(n) {
	if (n.failingSince) return ['bad', 'failing'];
	if (n.lag && !(now() - Date.parse(n.deliveredAt) < quiet)) return ['bad', 'silent'];
	if (!n.ready) return ['act', 'begin'];
	if (n.deadLetters) return ['act', 'dead'];
	return n.lag ? ['wait', 'behind'] : ['good', 'fine'];
}

function notifierOf(n, page, letters) {
	const [tone, state] = toldBy(n);
	const path = `notifiers/${encodeURIComponent(n.name)}/`;
	const list = h('div.letters', { tabindex: 0, 'data-key': 'list-' + n.name });
	const showLetters = () => fill(list, table(['plan', 'events', 'since', 'failure'], letters[n.name].map(d => [
		link({ plan: d.planId }, null, '#' + d.planId), `${d.first} – ${d.last}`, when(d.at), d.reason])));
	const load = async () => {
		letters[n.name] = (await tried(ask(path + 'deadletters')))?.deadLetters ?? [];
		showLetters();
	};
	if (letters[n.name]) showLetters();
	return h('section.card.next', h('h2', h('code', n.name)),
		headline(tone, t('notifier.' + state, { n: n.lag })),
		pairs([
			[t('notifier.last'), n.deliveredAt ? whenAndAge(n.deliveredAt) : t('never')],
			[t('notifier.since'), n.failingSince && whenAndAge(n.failingSince)],
			[t('notifier.error'), n.lastError, n.lastErrorAt && [' · ', when(n.lastErrorAt)]],
			[t('notifier.lag'), number(n.lag)], [t('notifier.unread'), number(n.unread)],
			[t('notifier.letters'), number(n.deadLetters), n.dropped > 0 && ` (${t('notifier.dropped', { n: n.dropped })})`],
		]),
		n.deadLetters > 0 && h('details', { open: n.name in letters, ontoggle: e => (e.target.open ? n.name in letters || load() : delete letters[n.name]) },
			h('summary', { 'data-key': 'letters-' + n.name }, t('notifier.letters')), list),
		h('div.actions', n.actions.includes('notify') ? buttons(['test', ...(n.deadLetters ? ['redeliver'] : [])], action => open({
			action, path: path + action, what: n.name, about: t('hits.' + action, { n: Math.min(100, n.deadLetters) }),
			done() {
				if (n.name in letters) load();
				page.now();
			},
		})) : h('p.dim', t('notifier.elsewhere'))));
}

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

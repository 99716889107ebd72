// The page of a task: why it does not move, its failure, its checkpoint, and what happened to it; the
// page that finds a tenant; and the log of a plan.

import {
	badge, button, causeWord, chip, chips, clockTime, countdown, crumbs, dim, fill, h, h2, has, heading, headline, icon, isEnd, link, now, nthWave,
	number, pairs, part, plain, planLink, Rows, seconds, soon, span, t, table, when, whenAndAge, word, workerLink,
} from './ui.js';
import { ask, insist, throwOther, tried, Watch } from './server.js';
import { buttons, explain, lookPage, noComposedEnter, onTask } from './command.js';

// How far back the page looks for events of the task.
const lookBack = 1000;

export function taskPage(main, { query, ready }) {
	const id = Number(query.get('task'));
	const planID = Math.floor(id / 1000000);
	let task = null;
	let watch = null;
	let closed = false;
	let events = [];
	let reason = null;
	let asked = 0; // how often the task was asked for
	let shown = 0; // which of the answers is shown

	const path = part('div', name => crumbs(link({ plan: planID }, null, name || '#' + planID), String(id % 1000000)));
	const title = part('div', doc => heading(doc.tenantId, badge(doc.state), doc.wave && dim(nthWave(doc.wave))));
	const why = part('section.card.next', (doc, because) => whyOf(doc, because, action => onTask(action, task, look)), { 'aria-label': t('why') });
	const failure = part('section.card', failureOf);
	const attempts = part('section.card', attemptsOf);
	const facts = part('section.card', factsOf);
	const saved = part('section.card', savedOf);
	const history = part('section.card', historyOf);
	const loading = h('p.dim', t('loading'));
	path.show('');
	main.append(path.el, loading);

	function draw() {
		if (!task || closed) return;
		title.show(task);
		why.show(task, reason);
		failure.el.hidden = !task.failureInfo;
		failure.show(task.failureInfo);
		attempts.el.hidden = !task.attempts;
		attempts.show(task.attempts);
		facts.show(task);
		saved.show(task.checkpoint, task.undo, task.parameters);
		history.show(events);
	}

	// look reads the task, and why it does not move. A newer answer is never replaced by an older one.
	async function look() {
		const mine = ++asked;
		const late = () => closed || mine < shown;
		try {
			const fresh = await ask('tasks/' + id);
			if (late()) return;
			shown = mine;
			const first = task === null;
			task = fresh;
			if (first) {
				loading.remove();
				main.append(title.el, h('div.columns', h('div', why.el, failure.el, attempts.el, saved.el), h('div', facts.el, history.el)));
			}
			draw();
			if (first) ready();
			const because = await tried(ask(`tasks/${id}/why`));
			if (late()) return;
			reason = because;
			draw();
		} catch (problem) {
			throwOther(problem);
			if (late()) return;
			fill(loading, explain(problem));
			if (problem.code === 'NOT_FOUND') {
				close();
				main.replaceChildren(path.el, loading);
			} else again();
		}
	}

	let timer = null;

	function again(wait = 3000) {
		clearTimeout(timer);
		if (!closed) timer = setTimeout(look, wait);
	}

	async function begin(anew) {
		await look();
		const plan = await insist('plans/' + planID, () => closed);
		if (!plan) return;
		path.show(plan.name);
		watch = new Watch({ plans: { [planID]: anew ? plan.lastEvent : Math.max(0, plan.lastEvent - lookBack) } }, {
			events(fresh) {
				const own = fresh.filter(e => e.taskId === id);
				if (own.length === 0 && events.length) return;
				events = [...own.toReversed(), ...events];
				draw();
				if (own.length) again(300);
			},
			// The log lacks what the page has not read.
			reset() {
				watch.close();
				begin(true);
			},
		});
	}

	function close() {
		closed = true;
		clearTimeout(timer);
		clearInterval(polls);
		watch?.close();
	}

	begin();
	// What a worker saves is no event, so the task is read again while it runs.
	const polls = setInterval(() => {
		if (!document.hidden && task && !['COMPLETED', 'SKIPPED', 'ROLLED_BACK'].includes(task.state)) look();
	}, 5000);
	return { close };
}

// whyOf is the centre of the page: why the task does not move, and what can be done.
function whyOf(task, because, give) {
	const first = { FAILED: 'retry', PAUSED: 'resume', ROLLBACK_FAILED: 'rollback' }[task.state];
	const tone = { FAILED: 'bad', ROLLBACK_FAILED: 'bad', PAUSED: 'act', COMPLETED: 'good', SKIPPED: 'good', ROLLED_BACK: 'good' }[task.state] ?? 'wait';
	const until = because?.params?.until ?? task.wait?.until;
	const holder = because?.params?.planId;
	return [
		headline(tone, because ? sayWhy(because) : word('state', task.state), task.state),
		holder && holder !== task.planId && h('p', link({ plan: holder }, null, '#' + holder)),
		because?.params?.holders?.map(id => h('p', link({ task: id }, null, '#' + id))),
		until && h('p', countdown(Date.parse(until))),
		h('div.actions', buttons(task.actions, give, first)),
	];
}

// sayWhy says a reason in the words of the page, where it has some for its code, and who gave the
// command that it is about.
function sayWhy({ code, params = {}, text }) {
	const said = Object.fromEntries(Object.entries(params).map(([name, value]) => [name,
		/^(until|at|changedAt)$/.test(name) ? clockTime(value) : name.endsWith('State') ? word('state', value) : value]));
	const by = [said.actor, said.reason && `“${said.reason}”`, said.at].filter(Boolean).join(' ');
	said.cause = [said.errorCode, said.step && t('at.step', said)].filter(Boolean).join(' ');
	const about = ['wave', 'cause', 'label'].find(what => said[what] && has(`why.${code}.${what}`));
	const key = ['why', code, ...(about ? [about] : [])].join('.');
	return (has(key) ? t(key, said) : text || code) + (by && ` (${by})`);
}

const failureOf = info => info && [
	h2('failure'),
	h('p', h('code.bad-text', info.errorCode), ' ', info.step && t('at.step', { step: info.step })),
	h('p.reason', info.reason),
	h('p.dim', when(info.timestamp), ' · ', t('attempt.n', { attempt: String(info.attempt) }), ' · ', t(info.retryable ? 'retryable' : 'not.retryable')),
];

const attemptsOf = list => list && [h2('attempts.failed'), table(['fact.ordinal', 'fact.started', 'fact.ended', 'failure', 'worker'], list.map(a => [
	[number(a.attempt), a.undo && dim(' ', word('action', 'rollback'))], a.startedAt && when(a.startedAt), when(a.endedAt),
	[h('code', a.errorCode), ' ', a.step && t('at.step', { step: a.step })], workerLink(a.worker),
]))];

function factsOf(task) {
	const time = what => [t('fact.' + what), task[what + 'At'] && when(task[what + 'At'])];
	return [h2('facts'), pairs([
		[t('fact.ordinal'), number(task.ordinal)], [t('attempts'), number(task.attempt)], [t('worker'), workerLink(task.worker)], [t('fact.losses'), task.losses],
		[t('fact.elapsed'), task.elapsed && span(1000 * seconds(task.elapsed))],
		time('started'), time('retried'), [t('fact.updated'), task.updatedAt && whenAndAge(task.updatedAt)], time('ended'),
		[t('fact.labels'), task.labels && Object.entries(task.labels).map(([k, v]) => `${k}=${v}`).join(', ')],
	])];
}

const savedOf = (checkpoint, undo, parameters) => [
	h2('checkpoint'), checkpoint ? dataOf(checkpoint, true) : h('p.dim', t('checkpoint.none')),
	undo?.length && [h2('undo.log'), undo.map(entry => dataOf(entry, false))],
	parameters && [h2('parameters'), pairs(Object.entries(parameters))],
];

// dataOf is a checkpoint or an undo entry. Large data is folded.
function dataOf(saved, open) {
	const text = saved.data === undefined ? null : JSON.stringify(saved.data, null, 2);
	return h('details', { open: open && (text?.length ?? 0) < 2000 }, h('summary', { 'data-key': 'saved-' + saved.step }, saved.step),
		text === null ? h('p.dim', t('data.hidden')) : h('pre', { tabindex: 0 }, text));
}

// remark is who did what an event tells of, and why.
const remark = e => [e.actor ?? '', e.reason ? ` “${e.reason}”` : '', e.failureInfo ? ` ${e.failureInfo.errorCode}: ${e.failureInfo.reason}` : ''];

const historyOf = list => [h2('history'), list.length === 0 ? h('p.dim', t('history.none', { n: lookBack })) : h('ol.history', list.map(e => h('li',
	when(e.at), ' ', icon(e.to), ' ', h('b', causeWord(e.cause)), ' ', e.from !== e.to && `${e.from ? word('state', e.from) + ' → ' : ''}${word('state', e.to)}`,
	h('div.dim', remark(e)))))];

// tenantPage says where a tenant is: which plan holds it, and which plans have it. The newest plans
// are searched first, and further ones when somebody asks for them.
export function tenantPage(main, { query, go }) {
	const id = query.get('tenant');
	const input = h('input', { type: 'search', value: id, 'aria-label': t('tenant.id'), placeholder: t('tenant.id'), ...plain });
	const form = h('form.filter', { onkeydown: noComposedEnter, onsubmit: e => {
		e.preventDefault();
		go({ tenant: input.value.trim() });
	} }, input, h('button', { type: 'submit', class: 'primary' }, t('find')));
	const path = cursor => 'tenants?' + new URLSearchParams({ id, ...(cursor && { cursor }) });
	const tasks = new Map(); // by id
	let further = null; // the last answer about further plans
	if (!id) {
		main.append(heading(t('tenants')), form);
		return null;
	}
	const page = lookPage(main, 'tenants', path, doc => {
		const { next, searchedDownTo } = further ?? doc;
		for (const task of doc.tasks) tasks.set(task.task, task);
		return [
			holderOf(doc),
			h('section.card', h2('tenant.plans'), table(['plan', 'state', 'task', 'state', 'attempts', 'fact.updated'], [...tasks.values()]
				.sort((a, b) => b.task - a.task).map(task => [...placeOf(task), number(task.attempt), task.updatedAt && when(task.updatedAt)])),
			h('p.dim', t(next ? 'tenant.searched' : 'tenant.all', { plan: String(searchedDownTo ?? '–') })),
			next && button(t('search.on'), async () => {
				further = await tried(ask(path(next))) ?? further;
				for (const task of further?.tasks ?? []) tasks.set(task.task, task);
				page.now();
			}, { 'data-key': 'on' })),
		];
	}, () => further, form);
	return page;
}

// placeOf is where a tenant is: a plan, its task there, and their states.
const placeOf = at => [
	planLink(at), badge(at.planState), link({ plan: at.plan, task: at.task }, null, at.task), badge(at.state),
];

// holderOf tells of the plan that works on a tenant, which not everybody may see.
function holderOf({ held, holder: at }) {
	if (!at) return h('section.card.next', held ? headline('', t('tenant.hidden')) : headline('good', t('tenant.free')));
	const [plan, planState, task, state] = placeOf(at);
	return h('section.card.next', headline('', t('tenant.held', { plan: `#${at.plan} ${at.planName}` })), pairs([
		[t('plan'), plan, ' ', planState], [t('task'), task, ' ', state], [t('attempts'), at.attempt], [t('worker'), workerLink(at.worker)],
	]));
}

// How many events the log keeps.
const keptEvents = 5000;

// Log shows the commands, or all events, the newest first. It also knows how fast the plan is.
export class Log {
	constructor(plan) {
		Object.assign(this, { plan, all: [], own: [], shown: 'own', ends: [] });
		this.rows = new Rows({ key: e => e.seq, render: eventRow, empty: () => t('none') });
		this.tabs = chips(t('log'), shown => ['own', 'all'].map(tab => chip(tab, t('log.' + tab), tab === shown, () => this.choose(tab))));
		this.el = h('section.card.log', h2('log'), this.tabs.el, this.rows.el);
		this.showSoon = soon(() => this.show(), 500); // nobody reads faster
		this.choose('own');
		this.loadOwn();
	}

	close() {
		this.rows.close();
		this.closed = true;
	}

	clear() {
		Object.assign(this, { all: [], ends: [] });
	}

	choose(shown) {
		this.shown = shown;
		this.tabs.show(shown);
		this.show();
	}

	show() {
		this.rows.set(this[this.shown]);
	}

	// loadOwn reads the events about the plan itself, which are never trimmed.
	async loadOwn() {
		for (let after = 0; ;) {
			const page = await insist(`plans/${this.plan}/commands?after=${after}&limit=1000`, () => this.closed);
			if (!page) return;
			this.merge(page.events);
			if (page.events.length < 1000) break;
			after = page.last;
		}
		this.show();
	}

	merge(events) {
		const known = new Set(this.own.map(e => e.seq));
		this.own = [...this.own, ...events.filter(e => !known.has(e.seq))].sort((a, b) => b.seq - a.seq);
	}

	take(events) {
		this.all = [...events.toReversed(), ...this.all].slice(0, keptEvents);
		const own = events.filter(e => !e.taskId);
		if (own.length) this.merge(own);
		for (const e of events) if (e.taskId && isEnd(e.to) && e.from !== e.to) this.ends.push(Date.parse(e.at));
		this.ends.splice(0, this.ends.length - 2000);
		this.showSoon();
	}

	// rate is how many tasks end in a minute, from the ends of the last five minutes.
	rate(p) {
		const from = now() - 300000;
		const recent = this.ends.filter(at => at > from);
		if (recent.length < 2) return 0;
		const since = this.ends.length > recent.length ? from : Math.max(recent[0], Date.parse(p.startedAt ?? 0));
		const rate = recent.length / Math.max(1000, now() - since) * 60000;
		return Number(rate.toPrecision(2));
	}
}

const eventRow = e => h('div.event-row',
	h('span.dim', when(e.at)),
	h('span', icon(e.to), ' ', h('b', causeWord(e.cause)), ' ',
		e.tenantId && [link({ plan: e.planId, task: e.taskId }, { class: 'tenant' }, e.tenantId), ' '], e.wave && nthWave(e.wave) + ' ',
		e.from !== e.to && dim('→ ', word('state', e.to))),
	h('span.dim.why', remark(e)));

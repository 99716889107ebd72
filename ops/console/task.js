// The page of a task: why it does not move, its failure, its checkpoint, and what happened to it.

import { age, badge, clockTime, dim, fill, h, has, icon, link, nthWave, number, now, part, remark, seconds, span, t, ticks, when, word } from './ui.js';
import { ask, insist, throwOther, tried, Watch } from './server.js';
import { buttons, explain, onTask } from './command.js';

// How far back the page looks for events of the task.
const lookBack = 1000;

export function taskPage(main, { query, focus }) {
	const id = Number(query.get('task'));
	const planID = Math.floor(id / 1000000);
	let task = null;
	let watch = null;
	let closed = false;
	let events = [];
	let reason = null;
	let asked = 0; // how often the task was asked for
	let shown = 0; // which of the answers is shown

	const crumbs = part('p.crumbs', name => [link({}, null, t('plans')), ' › ', link({ plan: planID }, null, name || '#' + planID), ' › ', String(id % 1000000)]);
	const title = part('div.title', doc => [h('h1.tenant', { tabindex: -1, 'data-key': 'h1' }, doc.tenantId), badge(doc.state), doc.wave && dim(nthWave(doc.wave))]);
	const why = part('section.card.next', (doc, because) => whyOf(doc, because, action => onTask(action, task, look)), { 'aria-label': t('why') });
	const failure = part('section.card', info => [h('h2', t('failure')), failureOf(info)]);
	const facts = part('section.card', doc => factsOf(doc));
	const saved = part('section.card', (checkpoint, undo, parameters) => [
		h('h2', t('checkpoint')), checkpoint ? savedOf(checkpoint, true) : h('p.dim', t('checkpoint.none')),
		undo?.length && [h('h2', t('undo.log')), undo.map(entry => savedOf(entry, false))],
		parameters && [h('h2', t('parameters')), h('dl.pairs', Object.entries(parameters).map(([k, v]) => [h('dt', k), h('dd', v)]))],
	]);
	const history = part('section.card', list => [h('h2', t('history')), historyOf(list)]);
	const loading = h('p.dim', t('loading'));
	crumbs.show('');
	main.append(crumbs.el, loading);
	document.title = `${id} · cutover`;

	function draw() {
		if (!task || closed) return;
		title.show(task);
		why.show(task, reason);
		failure.el.hidden = !task.failureInfo;
		if (task.failureInfo) failure.show(task.failureInfo);
		facts.show(task);
		saved.show(task.checkpoint, task.undo, task.parameters);
		history.show(events);
	}

	// look reads the task, and why it does not move. An answer that a newer one has overtaken is not
	// shown.
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
				document.title = `${task.tenantId} · cutover`;
				loading.remove();
				main.append(title.el, h('div.columns', h('div', why.el, failure.el, saved.el), h('div', facts.el, history.el)));
			}
			draw();
			if (first && focus) main.querySelector('h1').focus({ preventScroll: true });
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
				main.replaceChildren(crumbs.el, loading);
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
		crumbs.show(plan.name);
		watch = new Watch({ plans: { [planID]: anew ? plan.lastEvent : Math.max(0, plan.lastEvent - lookBack) } }, {
			events(fresh) {
				const own = fresh.filter(e => e.taskId === id);
				if (own.length === 0 && events.length) return;
				events = [...own.toReversed(), ...events];
				draw();
				if (own.length) again(300);
			},
			// The log has lost what the page has not read, or is shorter than it.
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
	const first = task.state === 'FAILED' ? 'retry' : task.state === 'PAUSED' ? 'resume' : task.state === 'ROLLBACK_FAILED' ? 'rollback' : null;
	const tone = { FAILED: 'bad', ROLLBACK_FAILED: 'bad', PAUSED: 'act', COMPLETED: 'good', SKIPPED: 'good', ROLLED_BACK: 'good' }[task.state] ?? 'wait';
	const until = because?.params?.until ?? task.wait?.until;
	const holder = because?.params?.planId;
	return [
		h('p', { class: 'headline ' + tone }, icon(task.state), ' ', because ? sayWhy(because) : word('state', task.state)),
		holder && holder !== task.planId && h('p', link({ plan: holder }, null, '#' + holder)),
		until && h('p', icon('clock'), ' ', ticks(() => t('bake.left', { span: span(Date.parse(until) - now()), time: clockTime(until) }))),
		h('div.actions', buttons(task.actions, give, first)),
	];
}

// sayWhy says a reason in the words of the page, where it has some for its code, and who gave the
// command that it is about.
function sayWhy({ code, params = {}, text }) {
	const said = Object.fromEntries(Object.entries(params).map(([name, value]) => [name,
		/^(until|at|changedAt)$/.test(name) ? clockTime(value) : name.endsWith('State') ? word('state', value) : value]));
	const by = [said.actor, said.reason && `“${said.reason}”`, said.at].filter(Boolean).join(' ');
	const key = ['why', code, ...(params.wave && has(`why.${code}.wave`) ? ['wave'] : [])].join('.');
	return (has(key) ? t(key, said) : text || code) + (by && ` (${by})`);
}

function failureOf(info) {
	return [
		h('p', h('code.bad-text', info.errorCode), ' ', info.step && t('at.step', { step: info.step })),
		h('p.reason', info.reason),
		h('p.dim', when(info.timestamp), ' · ', t('attempt.n', { attempt: String(info.attempt) }), ' · ', t(info.retryable ? 'retryable' : 'not.retryable')),
	];
}

function factsOf(task) {
	const fact = (key, ...content) => content[0] && [h('dt', has('fact.' + key) ? t('fact.' + key) : t(key)), h('dd', ...content)];
	return [h('h2', t('facts')), h('dl.pairs',
		fact('ordinal', number(task.ordinal)), fact('attempts', number(task.attempt)),
		task.worker && fact('worker', task.worker), task.losses && fact('losses', number(task.losses)),
		task.elapsed && fact('elapsed', span(1000 * seconds(task.elapsed))),
		['started', 'retried', 'updated', 'ended'].map(what => task[what + 'At'] && fact(what, when(task[what + 'At']), what === 'updated' && [' (', age(task.updatedAt), ')'])),
		task.labels && fact('labels', Object.entries(task.labels).map(([k, v]) => `${k}=${v}`).join(', ')))];
}

// savedOf is a checkpoint or an undo entry. Large data is folded.
function savedOf(saved, open) {
	const text = saved.data === undefined ? null : JSON.stringify(saved.data, null, 2);
	return h('details', { open: open && (text?.length ?? 0) < 2000, class: 'saved' }, h('summary', { 'data-key': 'saved-' + saved.step }, saved.step),
		text === null ? h('p.dim', t('data.hidden')) : h('pre', { tabindex: 0 }, text));
}

function historyOf(list) {
	if (list.length === 0) return h('p.dim', t('history.none', { n: lookBack }));
	return h('ol.history', list.map(e => h('li',
		when(e.at), ' ', icon(e.to), ' ', h('b', word('cause', e.cause)), ' ', e.from !== e.to && `${e.from ? word('state', e.from) + ' → ' : ''}${word('state', e.to)}`,
		h('div.dim', remark(e)))));
}


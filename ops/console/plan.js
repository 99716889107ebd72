// The page of a plan: the next thing to do, its failures, its progress and its waves.

import {
	age, announce, badge, button, causeWord, chips, countdown, crumbs, dim, ended, failed, fill, h, h2, heading, headline, icon, inFlight, link,
	nthWave, number, outOf, pairs, part, progress, seconds, soon, span, t, tally, when, word,
} from './ui.js';
import { ask, insist, tried, Watch } from './server.js';
import { buttons, explain, onPlan, onTasks } from './command.js';
import { legend, Matrix, Tasks } from './matrix.js';
import { Log } from './task.js';

// How many events the page begins with.
const firstEvents = 200;

// How often a plan that has ended is asked for, in milliseconds: time alone allows its deletion.
const slowly = 60000;

export function planPage(main, { query, go, ready }) {
	const id = Number(query.get('plan'));
	let plan = null;
	let watch = null;
	let chosen = query.get('state');
	let closed = false;
	let later = null;
	const log = new Log(id);
	const failures = new Failures(id);

	const title = part('div', p => heading(p.name, badge(p.state), dim(`#${p.planId} · ${p.executorType}`)));
	const next = part('section.card.next', p => nextThing(p, give), { 'aria-label': t('next') });
	const figures = part('section.card', progressOf, { 'aria-label': t('progress') });
	const waves = part('section.card.waves', p => wavesOf(p, give));
	const matrix = new Matrix({ plan: id, open: ordinal => go({ plan: id, task: id * 1000000 + ordinal }) });
	const states = chips(t('filter.state'), (counters, state) => legend(counters, state, choose));
	const tenants = new Tasks(id);
	const causes = part('section.card.causes', (groups, more, p) => failuresOf(groups, more, p, give));
	const notes = part('section.card', notesOf);
	const rules = part('details.card', rulesOf);
	const path = crumbs('#' + id);
	const loading = h('p.dim', t('loading'));
	main.append(path, loading);

	const draw = soon(() => {
		if (!plan || closed) return;
		title.show(plan);
		next.show(plan);
		figures.show(plan, log.rate(plan));
		waves.el.hidden = !plan.waves?.length;
		waves.show({ ...plan, waves: plan.waves?.map(wave => (wave.undone ? counted(wave) : wave)) });
		states.show(plan.counters, chosen);
		causes.el.hidden = failed(plan) === 0;
		causes.show(failures.groups, failures.more, plan);
		failures.check(failed(plan), draw);
		notes.el.hidden = !plan.annotations;
		notes.show(plan.annotations);
		rules.show(plan.strategy);
	}, 250);

	// give gives a command, and shows the plan as it has left it: the next command is for that.
	function give(action, wave, group) {
		const done = answer => {
			if (answer) newer(answer);
			if (action === 'delete') go({});
			else watch.poll();
		};
		if (group) onTasks(action, plan, { states: [group.state], codes: [group.errorCode], ...(group.step && { steps: [group.step] }) }, done, () => closed);
		else onPlan(action, plan, done, wave ? counted(wave) : null);
	}

	// counted is a wave with the counters of its own.
	const counted = wave => ({ ...wave, counters: matrix.count(wave) });

	function choose(state) {
		chosen = state;
		matrix.highlight(state);
		tenants.choose(state);
		go(state ? { plan: id, state } : { plan: id }, true);
		draw();
	}

	function took(fresh) {
		const before = plan;
		plan = fresh;
		clearTimeout(later);
		if (plan.endedAt) later = setTimeout(() => watch?.poll(), slowly);
		delete plan.now; // it is another one each time, and would draw everything anew
		if (!before) build();
		else if (before.state !== fresh.state) {
			announce(t('state.now', { state: word('state', fresh.state) }));
			matrix.load(); // a plan that is cancelled changes what its pending tasks count as
		} else if (before.taskCount !== fresh.taskCount) matrix.load();
		draw();
	}

	// newer takes a plan, unless it was read before what the page has of it.
	function newer(fresh) {
		if (!closed && fresh.planId === id && fresh.lastEvent >= plan.lastEvent) took(fresh);
	}

	// build puts the parts on the page, once the plan is known.
	function build() {
		loading.remove();
		main.append(title.el, h('div.columns',
			h('div', next.el, causes.el, figures.el, waves.el, h('section.card', h2('tenants'), matrix.el, states.el, tenants.el)),
			h('div', log.el, notes.el, rules.el)));
		matrix.load();
		if (chosen) {
			matrix.highlight(chosen);
			tenants.choose(chosen);
		}
		title.show(plan);
		ready();
	}

	function follow(first, back) {
		took(first);
		watch = new Watch({ plans: { [id]: Math.max(0, first.lastEvent - back) } }, {
			plan: newer,
			events(events) {
				log.take(events);
				matrix.apply(events);
				failures.take(events);
				tenants.changed(events);
				draw();
			},
			// The log lacks what the page has not read, or the plan is not there any more.
			reset() {
				watch.close();
				begin(true);
			},
		});
	}

	async function begin(again) {
		const first = await insist('plans/' + id, () => closed, problem => fill(loading, explain(problem)));
		if (closed) return;
		if (!first) {
			close();
			main.replaceChildren(path, h('p', t('code.NOT_FOUND')));
			return;
		}
		if (again) {
			log.clear();
			failures.count = -1;
			matrix.load();
			tenants.choose(chosen);
		}
		follow(first, again ? 0 : firstEvents);
	}

	function close() {
		closed = true;
		clearInterval(timer);
		clearTimeout(later);
		for (const part of [watch, matrix, tenants, log]) part?.close();
	}

	begin();
	const timer = setInterval(draw, 1000);
	return { close };
}

// nextThing says how the plan stands and the one thing to do, with the commands that are possible.
function nextThing(p, give) {
	const n = failed(p);
	const asks = p.gate === 'approval' && p.state === 'RUNNING';
	const gate = action => action === 'approve' || action === 'reject';
	const say = (tone, key, params, first) => [
		headline(tone, t('next.' + key, params)),
		h('div.actions', buttons(p.actions.filter(a => asks || !gate(a)).map(a => (a === 'skip' ? 'exclude' : a)), action => give(action, gate(action) && p.waves[p.wave]), first)),
	];
	const flight = inFlight(p);
	const undone = undoneWave(p);
	if (undone) return say('wait', 'undoing', { wave: String(undone.wave) });
	if (tally(p, 'ROLLBACK_FAILED') && !p.state.startsWith('ROLL')) return say('bad', 'undos.failed', { n: tally(p, 'ROLLBACK_FAILED') });
	switch (p.state) {
		case 'CREATED': return say('act', p.starting ? 'starting' : 'created', { n: p.taskCount }, 'start');
		case 'PAUSED': return say('act', `paused.${p.pauseReasons?.[0] ?? 'hand'}`, { n }, n ? null : 'resume');
		case 'FAILED': return say('bad', 'failed', { n }, 'retry');
		case 'COMPLETED': return say('good', n ? 'completed.failures' : 'completed', { n });
		case 'CANCELLED': return say('wait', flight ? 'cancelling' : 'cancelled', { n: flight });
		case 'ROLLING_BACK': return say('wait', 'rolling', { n: flight });
		case 'ROLLED_BACK': return say('good', 'rolled');
		case 'ROLLBACK_FAILED': return say('bad', 'rollback.failed', { n }, 'rollback');
	}
	if (asks) return say('act', 'approval', { wave: String(p.wave + 1), name: p.waves?.[p.wave]?.name ?? '' }, 'approve');
	if (bakes(p)) return say('wait', 'baking', { wave: String(p.wave) });
	if (p.counters.PAUSED && !flight) return say('act', 'held', { n: p.counters.PAUSED });
	if (p.waiting && p.waiting === flight) return say('wait', 'waiting', { n: p.waiting });
	if (!flight && p.counters.PENDING) return say('wait', 'idle', { n: p.counters.PENDING });
	return say(n ? 'act' : 'good', n ? 'running.failures' : 'running', { n });
}

// undoneWave is the wave that is being undone.
const undoneWave = p => p.waves?.find(wave => wave.first === p.undo?.first);

// bakes reports whether the open wave of a plan has ended and waits.
const bakes = p => p.state === 'RUNNING' && p.gate !== 'approval' && p.gate !== 'baked' && p.waveEndedAt && p.waves?.[p.wave - 1]?.bakeTime;

function progressOf(p, rate) {
	const done = ended(p);
	const left = p.taskCount - done;
	const runs = p.state === 'RUNNING';
	const by = actor => actor && ' · ' + actor;
	return [
		progress(p),
		pairs([
			[t('progress'), outOf(done, p.taskCount)],
			[t('state.FAILED'), h('span', { class: failed(p) ? 'bad-text' : '' }, number(failed(p))), p.acknowledged > 0 && ` (${t('acknowledged', { n: p.acknowledged })})`],
			[t('fact.flight'), number(inFlight(p)), p.waiting > 0 && ` (${t('waiting.n', { n: p.waiting })})`],
			[t('fact.rate'), runs && (rate ? t('per.minute', { n: rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate) }) : '–')],
			[t('fact.left'), runs && left > 0 && (rate ? `≈ ${span(60000 * left / rate)}` : '–')],
			[t('fact.created'), when(p.createdAt), by(p.createdBy)],
			[t('fact.started'), p.startedAt && when(p.startedAt), by(p.startedBy)],
			[t('fact.ended'), p.endedAt && when(p.endedAt)],
			[t('fact.age'), p.startedAt && !p.endedAt && age(p.startedAt)],
		], 'dl.facts'),
		(p.sweeps ?? []).map(s => h('p.dim', t('sweep', { kind: causeWord(s.kind), n: s.after }))),
	];
}

// wavesOf draws the waves in their order, with their gates in between; of many only those near the
// open one, and those with failures.
function wavesOf(p, give) {
	const all = p.waves ?? [];
	const shown = all.length <= 60 ? all : all.filter(w => w.failed || w.undone || Math.abs(w.wave - p.wave) < 20);
	return [h2('waves'), shown !== all && dim(outOf(shown.length, all.length)), h('ol.wave-list', shown.map(w => waveOf(w, p, give)))];
}

// waveState is how a wave of a plan stands.
function waveState(w, p) {
	if (w === undoneWave(p)) return 'undoing';
	if (p.wave !== w.wave) return w.wave < p.wave || p.state === 'COMPLETED' ? 'done' : 'later';
	if (p.state === 'COMPLETED' || (w.ended === w.taskCount && p.gate && p.gate !== 'none')) return 'done';
	return bakes(p) ? 'baking' : 'open';
}

function waveOf(w, p, give) {
	const state = waveState(w, p);
	const ran = w.undone ? w.taskCount - tally(w, 'PENDING', 'SKIPPED') : 0;
	const back = w.undone ? tally(w, 'ROLLED_BACK') : 0;
	const far = state === 'undoing' ? [back, ran] : [w.ended, w.taskCount];
	const command = (action, props) => button(t('action.' + action), () => give(action, w), {
		'aria-label': `${t('action.' + action)} ${nthWave(w.wave)}`, 'data-key': `${action}-${w.wave}`, ...props,
	});
	return h('li', { class: 'wave w-' + state, 'aria-current': p.wave === w.wave ? 'step' : null },
		h('div', icon({ done: 'COMPLETED', open: 'RUNNING', baking: 'clock', later: 'PENDING', undoing: 'ROLLING_BACK' }[state]), ' ',
			h('b', w.name || nthWave(w.wave)), ' ', dim(t('wave.' + state)),
			w.canary && h('span.tag', t('canary')), w.undone && h('span.tag', t('wave.undone', { n: back, all: ran }))),
		h('div.wave-bar', h('meter', { min: 0, max: far[1], value: far[0], 'aria-label': outOf(...far) }), h('span.figures', outOf(...far)),
			p.startedAt && h('span', { class: w.failed ? 'bad-text' : 'dim' }, t('wave.failed', { n: w.failed, max: w.maxFailed })),
			w.actions && (!w.undone || ran !== back) && command('rollback', { class: 'chip danger' })),
		state === 'baking' && h('div', countdown(Date.parse(p.waveEndedAt) + 1000 * seconds(w.bakeTime))),
		w.bakeTime && state !== 'baking' && state !== 'done' && dim(t('bakes.for', { span: span(1000 * seconds(w.bakeTime)) })),
		w.approval && gateOf(w, p, command));
}

// gateOf is the approval before a wave. One that is asked for now is among the next things to do.
function gateOf(w, p, command) {
	const asked = p.gate === 'approval' && w.wave === p.wave + 1 && p.state === 'RUNNING';
	const may = action => !asked && w.wave > p.wave && p.actions.includes(action);
	return h('div.gate', icon(w.approved ? 'COMPLETED' : 'hand'), ' ', t(w.approved ? 'approved' : asked ? 'approval.asked' : 'approval'), ' ',
		!w.approved && may('approve') && command('approve'),
		w.approved && may('reject') && command('reject', { class: 'danger' }),
		asked && !p.actions.includes('approve') && dim(t('approval.not.you')));
}

// notesOf shows what those who made the plan have noted. What is an address on the web is a link.
function notesOf(annotations) {
	const show = text => (/^https?:\/\/\S+$/i.test(text) ? h('a', { href: text, target: '_blank', rel: 'noopener noreferrer' }, text) : text);
	return [h2('annotations'), pairs(Object.entries(annotations ?? {}).map(([name, text]) => [name, show(text)]))];
}

// rulesOf lists the strategy that is in force.
function rulesOf(strategy) {
	const quotas = value => value.map(q => `${q.label} ≤ ${q.max}`).join(', ');
	const show = value => (typeof value === 'object' ? JSON.stringify(value) : word('choice', value));
	return [h('summary', { 'data-key': 'rules' }, t('strategy')), pairs(Object.entries(strategy).map(([name, value]) => [word('strategy', name), name === 'quotas' ? quotas(value) : show(value)]))];
}

// Failures are the failed tasks by their causes. They are read again when there is another one, or
// their number is not the plan's any more.
class Failures {
	constructor(plan) {
		Object.assign(this, { plan, groups: [], more: false, count: -1, next: 0 });
	}

	take(events) {
		if (events.some(e => e.taskId && /FAILED/.test(e.to + e.from))) this.count = -1;
	}

	async check(n, done) {
		if (this.count === n || (!n && !this.groups.length) || Date.now() < this.next) return;
		this.next = Date.now() + 3000;
		this.count = n;
		const page = await tried(ask(`plans/${this.plan}/failures`));
		if (!page) {
			this.count = -1;
			return;
		}
		this.more = Boolean(page.next);
		this.groups = causesOf(page.failures);
		done();
	}
}

// sums counts what a page has read, and the plan of the same causes.
const sums = groups => ({
	count: groups.reduce((sum, g) => sum + g.count, 0),
	total: groups.reduce((sum, g) => sum + (g.total ?? g.count), 0),
});

// causesOf joins groups that a filter cannot tell apart: it cannot ask for failures in no step.
function causesOf(groups) {
	const kind = g => `${g.state} ${g.errorCode}`;
	const whole = new Set(groups.filter(g => !g.step).map(kind));
	const same = Map.groupBy(groups, g => (whole.has(kind(g)) ? kind(g) : `${kind(g)} ${g.step}`));
	return [...same].map(([key, all]) => ({ ...all[0], key, step: whole.has(key) ? '' : all[0].step, ...sums(all) }));
}

function failuresOf(groups, more, p, give) {
	return [h2('failures'), more && h('p.dim', t('failures.first', { n: groups.reduce((sum, g) => sum + g.count, 0) })),
		p.ungroupedFailures && h('p.dim', t('failures.ungrouped', { n: p.ungroupedFailures })),
		groups.map(g => h('div.failure',
			h('div.failure-head', h('b.bad-text', icon(g.state), ' ', number(g.count)), ' ',
				more && g.total > g.count && dim(t('failures.all', { n: g.total }), ' '), h('code', g.errorCode),
				g.step && dim(t('at.step', { step: g.step })), h('span.fill'),
				g.state === 'FAILED' && p.actions.includes('retry') && button(t('action.retry'),
					() => give('retry', null, g), { 'data-key': 'retry-' + g.key })),
			g.reason && h('p.reason', g.reason),
			h('p.dim', g.tenants.slice(0, 3).map((tenant, i) => [link({ plan: p.planId, task: g.tasks[i] }, { class: 'tenant' }, tenant), ' ']), g.count > 3 && '…',
				' · ', t('last'), ' ', when(g.last))))];
}

// The page of a plan: its state and the next thing to do, its progress, waves, tenants, failures
// and log.

import {
	age, announce, badge, button, clockTime, dim, ended, failed, fill, h, icon, inFlight, isEnd, link, now, nthWave, number, outOf, part, progress, remark,
	Rows, seconds, soon, span, t, tally, ticks, when, word,
} from './ui.js';
import { ask, insist, tried, Watch } from './server.js';
import { buttons, explain, onPlan, onTasks } from './command.js';
import { legend, Matrix } from './matrix.js';

// How many events the page begins with, and how many it keeps.
const firstEvents = 200;
const keptEvents = 5000;

// How many failed tasks are read to group them.
const readFailures = 5000;

export function planPage(main, { query, go, focus }) {
	const id = Number(query.get('plan'));
	let plan = null;
	let watch = null;
	let chosen = query.get('state');
	let closed = false;
	const log = new Log(id);
	const failures = new Failures(id);

	const title = part('div.title', p => [h('h1', { tabindex: -1, 'data-key': 'h1' }, p.name), badge(p.state), dim(`#${p.planId} · ${p.executorType}`)]);
	const next = part('section.card.next', p => nextThing(p, give), { 'aria-label': t('next') });
	const figures = part('section.card', progressOf, { 'aria-label': t('progress') });
	const waves = part('section.card.waves', p => wavesOf(p, give));
	const matrix = new Matrix({ plan: id, open: ordinal => go({ plan: id, task: id * 1000000 + ordinal }) });
	const states = part('div.chips', (counters, state) => legend(counters, state, choose), { role: 'group', 'aria-label': t('filter.state') });
	const tenants = new Tasks(id);
	const causes = part('section.card', (groups, p) => failuresOf(groups, p, give, failures));
	const rules = part('details.card', rulesOf);
	const crumbs = h('p.crumbs', link({}, null, t('plans')), ' › #', String(id));
	const loading = h('p.dim', t('loading'));
	main.append(crumbs, loading);
	document.title = `#${id} · cutover`;

	const draw = soon(() => {
		if (!plan || closed) return;
		title.show(plan);
		next.show(plan);
		figures.show(plan, log.rate(plan));
		waves.el.hidden = !plan.waves?.length;
		waves.show({ ...plan, waves: plan.waves?.map(wave => (wave.undone ? counted(wave) : wave)) });
		states.show(plan.counters, chosen);
		causes.el.hidden = failed(plan) === 0;
		causes.show(failures.groups(), plan);
		failures.check(failed(plan), draw);
		rules.show(plan.strategy);
	}, 250);

	// give gives a command, and shows what it has done without waiting for the next news.
	function give(action, wave, group) {
		const done = () => watch.poll();
		if (group) onTasks(action, plan, { states: [group.state], codes: [group.code], ...(group.step && { steps: [group.step] }) }, done, () => closed);
		else onPlan(action, plan, done, wave && counted(wave));
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
		delete plan.now; // it is another one each time, and would draw everything anew
		if (!before) build();
		else if (before.state !== fresh.state) {
			announce(t('state.now', { state: word('state', fresh.state) }));
			matrix.load(); // a plan that is cancelled changes what its pending tasks count as
		} else if (before.taskCount !== fresh.taskCount) matrix.load();
		draw();
	}

	// build puts the parts on the page, once the plan is known.
	function build() {
		document.title = `${plan.name} · cutover`;
		loading.remove();
		main.append(title.el, h('div.columns',
			h('div', next.el, figures.el, waves.el, causes.el,
				h('section.card', h('h2', t('tenants')), matrix.el, states.el, tenants.el)),
			h('div', log.el, rules.el)));
		matrix.load();
		if (chosen) {
			matrix.highlight(chosen);
			tenants.choose(chosen);
		}
		title.show(plan);
		if (focus) main.querySelector('h1').focus({ preventScroll: true });
	}

	function follow(first) {
		took(first);
		watch = new Watch({ plans: { [id]: Math.max(0, first.lastEvent - firstEvents) } }, {
			plan: fresh => fresh.planId === id && took(fresh),
			events(events) {
				log.take(events);
				matrix.apply(events);
				failures.take(events);
				tenants.changed(events);
				draw();
			},
			// The log has lost what the page has not read, or is shorter than it, or the plan is not there
			// any more: all is read anew.
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
			main.replaceChildren(crumbs, h('p', t('code.NOT_FOUND')));
			return;
		}
		if (again) {
			first.lastEvent += firstEvents; // from the present on
			log.clear();
			failures.clear();
			matrix.load();
			tenants.choose(chosen);
		}
		follow(first);
	}

	function close() {
		closed = true;
		clearInterval(timer);
		watch?.close();
		matrix.close();
		tenants.close();
		log.close();
	}

	begin();
	const timer = setInterval(draw, 1000);
	return { close };
}

// nextThing says how the plan stands and the one thing to do, with the commands that are possible.
function nextThing(p, give) {
	const n = failed(p);
	const asks = p.gate === 'approval' && p.state === 'RUNNING';
	const say = (tone, key, params, first) => [
		h('p', { class: 'headline ' + tone }, icon({ good: 'done', bad: 'hand', wait: 'clock', act: 'hand' }[tone]), ' ', t('next.' + key, params)),
		h('div.actions', buttons(p.actions.filter(a => asks || (a !== 'approve' && a !== 'reject')),
			action => (action === 'approve' || action === 'reject' ? give(action, p.waves[p.wave]) : give(action)), first)),
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

const bakeEnd = p => Date.parse(p.waveEndedAt) + 1000 * seconds(p.waves[p.wave - 1].bakeTime);

function progressOf(p, rate) {
	const done = ended(p);
	const left = p.taskCount - done;
	const fact = (label, ...content) => h('div.fact', h('dt', label), h('dd', ...content));
	return [
		progress(p),
		h('dl.facts',
			fact(t('progress'), outOf(done, p.taskCount)),
			fact(t('state.FAILED'), h('span', { class: failed(p) ? 'bad-text' : '' }, number(failed(p))), p.acknowledged ? ` (${t('acknowledged', { n: p.acknowledged })})` : ''),
			fact(t('fact.flight'), number(inFlight(p)), p.waiting ? ` (${t('waiting.n', { n: p.waiting })})` : ''),
			p.state === 'RUNNING' && fact(t('fact.rate'), rate ? t('per.minute', { n: rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate) }) : '–'),
			p.state === 'RUNNING' && left > 0 && fact(t('fact.left'), rate ? `≈ ${span(60000 * left / rate)}` : '–'),
			fact(t('fact.created'), when(p.createdAt), p.createdBy && ' · ' + p.createdBy),
			p.startedAt && fact(t('fact.started'), when(p.startedAt), p.startedBy && ' · ' + p.startedBy),
			p.endedAt ? fact(t('fact.ended'), when(p.endedAt)) : p.startedAt && fact(t('fact.age'), age(p.startedAt))),
		(p.sweeps ?? []).map(s => h('p.dim', t('sweep', { kind: word('cause', s.kind), n: s.after }))),
	];
}

// wavesOf draws the waves in their order, with their gates in between; of many only those near the
// open one, and those with failures.
function wavesOf(p, give) {
	const may = action => p.actions.includes(action);
	const all = p.waves ?? [];
	const shown = all.length <= 60 ? all : all.filter(w => w.failed || w.undone || Math.abs(w.wave - p.wave) < 20);
	return [h('h2', t('waves')), shown !== all && dim(outOf(shown.length, all.length)), h('ol.wave-list', shown.map(w => {
		const open = p.wave === w.wave;
		const state = w === undoneWave(p) ? 'undoing' : w.wave < p.wave || p.state === 'COMPLETED' || (open && w.ended === w.taskCount && p.gate !== 'none' && p.gate) ? 'done' : open ? (bakes(p) ? 'baking' : 'open') : 'later';
		const asks = p.gate === 'approval' && w.wave === p.wave + 1 && p.state === 'RUNNING';
		const ran = w.undone ? w.taskCount - tally(w, 'PENDING', 'SKIPPED') : 0;
		const back = w.undone ? tally(w, 'ROLLED_BACK') : 0;
		const far = state === 'undoing' ? [back, ran] : [w.ended, w.taskCount];
		const command = (action, props) => button(t('action.' + action), () => give(action, w), {
			'aria-label': `${t('action.' + action)} ${nthWave(w.wave)}`, 'data-key': `${action}-${w.wave}`, ...props,
		});
		return h('li', { class: 'wave w-' + state, 'aria-current': open ? 'step' : null },
			h('div.wave-name', icon({ done: 'done', open: 'RUNNING', baking: 'clock', later: 'PENDING', undoing: 'ROLLING_BACK' }[state]), ' ',
				h('b', w.name || nthWave(w.wave)), ' ',
				dim(t('wave.' + state)),
				w.canary && h('span.tag', t('canary')), w.undone && h('span.tag', t('wave.undone', { n: back, all: ran }))),
			h('div.wave-bar', h('meter', { min: 0, max: far[1], value: far[0], 'aria-label': outOf(...far) }), h('span.figures', outOf(...far)),
				h('span', { class: w.failed ? 'bad-text' : 'dim' }, t('wave.failed', { n: w.failed, max: w.maxFailed })),
				w.actions && (!w.undone || ran !== back) && command('rollback', { class: 'chip danger' })),
			state === 'baking' && h('div', icon('clock'), ' ', ticks(() => t('bake.left', { span: span(bakeEnd(p) - now()), time: clockTime(bakeEnd(p)) }))),
			state !== 'baking' && w.bakeTime && state !== 'done' && h('div.dim', t('bakes.for', { span: span(1000 * seconds(w.bakeTime)) })),
			w.approval && h('div.gate', icon(w.approved ? 'done' : 'hand'), ' ', t(w.approved ? 'approved' : asks ? 'approval.asked' : 'approval'), ' ',
				!asks && !w.approved && w.wave > p.wave && may('approve') && command('approve'),
				!asks && w.approved && w.wave > p.wave && may('reject') && command('reject', { class: 'danger' }),
				asks && !may('approve') && dim(t('approval.not.you'))));
	}))];
}

// rulesOf lists the strategy that is in force.
function rulesOf(strategy) {
	const show = value => (Array.isArray(value) || typeof value === 'object' ? JSON.stringify(value) : word('choice', value));
	return [h('summary', { 'data-key': 'rules' }, t('strategy')), h('dl.pairs',
		Object.entries(strategy).map(([name, value]) => [h('dt', word('strategy', name)), h('dd', show(value))]))];
}

// Failures groups the failed tasks by code and step. It follows the events, and reads the tasks when
// their number is not the plan's: at first, and when an event overtook an answer.
class Failures {
	constructor(plan) {
		this.plan = plan;
		this.next = 0;
		this.clear();
	}

	clear() {
		this.tasks = new Map(); // by id
		this.more = false;
	}

	async check(n, done) {
		if (this.more || this.tasks.size === n || Date.now() < this.next) return;
		this.next = Date.now() + 3000;
		await this.load();
		done();
	}

	async load() {
		const found = new Map();
		for (let cursor = ''; ;) {
			const page = await tried(ask(`plans/${this.plan}/tasks?state=FAILED&state=ROLLBACK_FAILED&limit=1000${cursor}`));
			if (!page) return;
			for (const task of page.tasks) found.set(task.taskId, { taskId: task.taskId, tenantId: task.tenantId, state: task.state, info: task.failureInfo });
			this.more = Boolean(page.next) && found.size >= readFailures;
			if (!page.next || this.more) break;
			cursor = '&cursor=' + page.next;
		}
		this.tasks = found;
	}

	take(events) {
		for (const e of events) {
			if (!e.taskId) continue;
			if (e.to === 'FAILED' || e.to === 'ROLLBACK_FAILED') {
				if (e.failureInfo) this.tasks.set(e.taskId, { taskId: e.taskId, tenantId: e.tenantId, state: e.to, info: e.failureInfo });
			} else this.tasks.delete(e.taskId);
		}
	}

	// groups are the causes that a filter tells apart. It cannot ask for failures without a step: with
	// one of them, all failures of a code are one group.
	groups() {
		const groups = new Map();
		const tasks = [...this.tasks.values()];
		const cause = task => `${task.state} ${task.info?.errorCode ?? ''}`;
		const whole = new Set(tasks.filter(task => !task.info?.step).map(cause));
		for (const task of tasks) {
			const step = whole.has(cause(task)) ? '' : task.info.step;
			const { errorCode: code = '', reason = '', timestamp: at = '' } = task.info ?? {};
			const key = `${cause(task)} ${step}`;
			const group = groups.get(key) ?? { key, state: task.state, code, step, reason, at, n: 0, some: [] };
			group.n++;
			if (group.some.length < 3) group.some.push({ taskId: task.taskId, tenantId: task.tenantId });
			if (at > group.at) Object.assign(group, { at, reason });
			groups.set(key, group);
		}
		return [...groups.values()].sort((a, b) => b.n - a.n);
	}
}

function failuresOf(groups, p, give, failures) {
	return [h('h2', t('failures')), failures.more && h('p.dim', t('failures.first', { n: readFailures })),
		groups.map(g => h('div.failure',
			h('div.failure-head', h('b.bad-text', icon(g.state), ' ', number(g.n)), ' ', h('code', g.code),
				g.step && dim(t('at.step', { step: g.step })), h('span.fill'),
				g.state === 'FAILED' && p.actions.includes('retry') && button(t('action.retry'),
					() => give('retry', null, g), { 'data-key': 'retry-' + g.key })),
			g.reason && h('p.reason', g.reason),
			h('p.dim', g.some.map(task => [link({ plan: p.planId, task: task.taskId }, { class: 'tenant' }, task.tenantId), ' ']), g.n > g.some.length && '…',
				g.at && [' · ', t('last'), ' ', when(g.at)])))];
}

// Tasks is the list of the tasks in a state.
class Tasks {
	constructor(plan) {
		Object.assign(this, { plan, state: null, tasks: [], next: null, loading: false });
		this.rows = new Rows({
			key: task => task.taskId,
			render: task => taskRow(task),
			empty: () => t(this.loading ? 'loading' : 'none'),
			more: () => this.load(),
		});
		this.rows.el.hidden = true;
		this.el = this.rows.el;
	}

	close() {
		this.closed = true;
		clearTimeout(this.again);
		this.rows.close();
	}

	choose(state) {
		this.state = state;
		this.tasks = [];
		this.next = '';
		this.el.hidden = !state;
		this.rows.set([]);
	}

	async load() {
		if (!this.state || this.loading || this.next === null) return;
		this.loading = true;
		const asked = this.state;
		const page = await insist(`plans/${this.plan}/tasks?state=${asked}&limit=200${this.next && '&cursor=' + this.next}`, () => this.closed || asked !== this.state);
		this.loading = false;
		if (page) {
			this.tasks.push(...page.tasks);
			this.next = page.next ?? null;
		}
		this.rows.set(this.tasks);
	}

	// changed takes away what is in another state now, and reads a short list anew.
	changed(events) {
		if (!this.state) return;
		const states = new Map(events.filter(e => e.taskId).map(e => [e.taskId, e.to]));
		const kept = this.tasks.filter(task => !states.has(task.taskId) || states.get(task.taskId) === this.state);
		if (kept.length !== this.tasks.length) this.rows.set(this.tasks = kept);
		const joins = [...states.values()].includes(this.state);
		if (joins && this.next === null && this.tasks.length < 200 && !this.again) {
			this.again = setTimeout(() => {
				this.again = null;
				this.tasks = [];
				this.next = '';
				this.load();
			}, 1000);
		}
	}
}

function taskRow(task) {
	return [link({ plan: task.planId, task: task.taskId }, { class: 'task-row' },
		badge(task.state), h('span.name.tenant', task.tenantId),
		dim(task.failureInfo ? task.failureInfo.errorCode : task.worker ?? ''),
		dim(task.updatedAt && clockTime(task.updatedAt)))];
}

// Log shows the commands, or all events, the newest first. It also knows how fast the plan is.
class Log {
	constructor(plan) {
		Object.assign(this, { plan, all: [], own: [], shown: 'own', ends: [] });
		this.rows = new Rows({ key: e => e.seq, render: e => eventRow(e), empty: () => t('none') });
		this.tabs = h('div.chips', { role: 'group', 'aria-label': t('log') });
		this.el = h('section.card.log', h('h2', t('log')), this.tabs, this.rows.el);
		this.showSoon = soon(() => this.show(), 500); // nobody reads faster
		this.choose('own');
		this.loadOwn();
	}

	close() {
		this.rows.close();
		this.closed = true;
	}

	clear() {
		this.all = [];
		this.ends = [];
	}

	choose(shown) {
		this.shown = shown;
		fill(this.tabs, ['own', 'all'].map(tab => button(t('log.' + tab), () => this.choose(tab), { class: 'chip', 'aria-pressed': String(tab === shown), 'data-key': tab })));
		this.show();
	}

	show() {
		this.rows.set(this.shown === 'own' ? this.own : this.all);
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

function eventRow(e) {
	const what = [e.tenantId && link({ plan: e.planId, task: e.taskId }, { class: 'tenant' }, e.tenantId), e.wave && h('span', nthWave(e.wave))];
	return [h('div.event-row',
		h('span.dim.time', when(e.at)),
		h('span.what', icon(e.to), ' ', h('b', word('cause', e.cause)), ' ', ...what.filter(Boolean).flatMap(x => [x, ' ']),
			e.from !== e.to && dim('→ ', word('state', e.to))),
		h('span.dim.why', remark(e)))];
}

// The list of plans, and the form of a new one.

import {
	announce, badge, button, chip, chips, crumbs, dim, ended, failed, fill, h, h2, heading, icon, keep, kept, link, now, nthWave, number, outOf, part, plain,
	progress, Rows, seconds, span, t, table, ticks, word,
} from './ui.js';
import { ask, command, newKey, throwOther, tried, Watch } from './server.js';
import { amount, choose, explain, failureActions, faultPlace, noComposedEnter, refuse, showFaults, pasted, tenantPlace, withTenants } from './command.js';

const pageSize = 200;

// How many plans a search looks through before it asks whether to go on.
const searched = 2000;

const planStates = ['CREATED', 'RUNNING', 'PAUSED', 'FAILED', 'COMPLETED', 'CANCELLED', 'ROLLING_BACK', 'ROLLED_BACK', 'ROLLBACK_FAILED'];

export function plansPage(main, { query, me, go }) {
	const plans = new Map(); // by id; the list is by falling id
	let states = query.getAll('state');
	let text = query.get('q') ?? '';
	let next = null; // cursor of the next page; undefined at the end
	let loading = false;
	let limit = searched;
	const rows = new Rows({
		key: plan => plan.planId,
		render: planRow,
		empty: () => t(loading || next === null ? 'loading' : states.length || text ? 'plans.none.match' : 'plans.none'),
		more: () => load(),
	});
	let partly; // the problem of plans that cannot be read
	const foot = part('p.foot', (shown, known, more) => [
		partly && h('span.bad-text', explain({ code: partly.code, doc: partly }), ' '), t('plans.shown', { shown, known }), more && [' ', button(t('search.on'), () => {
			limit += searched;
			load();
		}, { 'data-key': 'on' })],
	]);
	const search = h('input', { type: 'search', value: text, 'aria-label': t('search'), placeholder: t('search'), oninput: () => {
		text = search.value;
		limit = plans.size + searched;
		remember();
		show();
	} });
	const filter = chips(t('filter.state'), chosen => planStates.map(state => {
		const el = chip(state, [icon(state), word('state', state)], chosen.includes(state), () => {
			states = chosen.includes(state) ? chosen.filter(s => s !== state) : [...chosen, state];
			remember();
			plans.clear();
			next = null;
			show();
			watch.poll();
		});
		el.classList.add('s-' + state);
		return el;
	}));
	main.append(
		heading(t('plans'), h('span.fill'), me.actions.includes('create') && link({ new: '' }, { class: 'button primary' }, t('plan.new'))),
		h('div.filter', search, filter.el), h('section.card.flush.plans', rows.el), foot.el);

	const remember = () => go([...states.map(s => ['state', s]), ...(text ? [['q', text]] : [])], true);
	const path = cursor => 'plans?' + new URLSearchParams([
		['limit', pageSize], ...states.map(s => ['state', s]), ...(cursor ? [['cursor', cursor]] : []),
	]);
	const matches = plan => (!states.length || states.includes(plan.state)) &&
		(!text || plan.name.toLowerCase().includes(text.toLowerCase()) || String(plan.planId) === text.trim());

	function show() {
		const list = [...plans.values()].filter(matches).sort((a, b) => b.planId - a.planId);
		filter.show(states);
		rows.set(list);
		foot.show(list.length, plans.size, Boolean(text && next && plans.size >= limit), partly);
	}

	async function load() {
		if (loading || !next || (text && plans.size >= limit)) return;
		loading = true;
		const asked = states;
		const page = await tried(ask(path(next)));
		loading = false;
		if (!page || asked !== states) return; // the next poll shows the list again
		for (const plan of page.plans) plans.set(plan.planId, plan);
		partly = page.partly ?? partly;
		next = page.next;
		show();
	}

	// first reads the first page. It has all plans down to its last one: others that were known were
	// removed, or are in another state now, unless the stream has told of them meanwhile.
	async function first() {
		const asked = states;
		const known = new Map(plans);
		const page = await ask(path());
		if (asked !== states) return [];
		partly = page.partly;
		if (next === null) next = page.next;
		const there = new Set(page.plans.map(plan => plan.planId));
		const last = page.next ? page.plans.at(-1)?.planId ?? Infinity : 0;
		for (const [id, plan] of known) if (id >= last && !page.partly && !there.has(id) && plans.get(id) === plan) plans.delete(id);
		return page.plans;
	}

	show();
	const watch = new Watch({ list: first }, {
		list(changed, removed = []) {
			for (const plan of changed) plans.set(plan.planId, plan);
			for (const id of removed) plans.delete(id);
			show();
		},
	});
	return {
		close() {
			watch.close();
			rows.close();
		},
	};
}

function planRow(plan) {
	const bad = failed(plan);
	const since = ['ended', 'started', 'created'].find(what => plan[what + 'At']);
	return link({ plan: plan.planId }, { class: 'plan-row' },
		badge(plan.state),
		h('span.name', plan.name, ' ', dim('#' + plan.planId)),
		h('span.how-far', progress(plan), h('span.figures', outOf(ended(plan), plan.taskCount))),
		h('span', { class: bad ? 'bad-text' : 'dim' }, bad > 0 && [icon('FAILED'), ' ', t('failures.n', { n: bad })]),
		h('span.dim.age', t('fact.' + since), ' ', ticks(() => t('ago', { x: span(now() - Date.parse(plan[since + 'At'])) }))),
		h('span.dim.who', plan.startedBy ?? plan.createdBy));
}

// The form of a new plan. What is typed survives a reload and an expired session.

// The fields of the strategy that are amounts, and those that are texts.
const amounts = ['maxConcurrency', 'maxFailures', 'maxSameFailures'];
const texts = ['failureAction', 'concurrencyMode', 'conflict', 'bakeTime', 'firstBakeTime', 'finalBakeTime', 'taskTimeout'];

// The largest file of which there is a preview while one types, in bytes.
const maxPreview = 4000000;

export function newPlanPage(main, { go }) {
	const draft = kept('sessionStorage', 'draft') ?? {};
	const saveDraft = typed => keep('sessionStorage', 'draft', typed);
	const field = (name, label, props) => h('label', label, h('input', {
		name, ...plain, 'data-field': name, value: draft[name], ...props,
	}), faultPlace(name));
	const strategy = (name, placeholder) => field('strategy.' + name, t('strategy.' + name), { placeholder });
	const select = (name, values) => h('label', t('strategy.' + name),
		choose('strategy.' + name, values, draft['strategy.' + name] ?? values[0]), faultPlace('strategy.' + name));
	const check = name => h('label.choice', h('input', { type: 'checkbox', name, checked: draft[name] }), ' ', t('waves.' + name));
	const tenants = h('textarea', { name: 'tenants', rows: 8, ...plain, 'data-field': 'tenantIds', value: draft.tenants });
	const file = h('input', { type: 'file', name: 'file', accept: '.txt,.csv,.tsv,.ndjson,.jsonl' });
	const count = dim();
	const preview = h('section.card');
	const status = h('p.answer', { role: 'alert' });
	const create = h('button', { type: 'submit', class: 'primary' }, t('create'));
	const types = h('datalist', { id: 'types' });
	const form = h('form', { onsubmit: submit, oninput: changed, onkeydown: noComposedEnter, novalidate: true },
		h('section.card',
			h('div.grid2', field('name', t('name')), field('executorType', t('executor.type'), { list: 'types' })), types,
			h('label', t('tenants'), tenants, count, faultPlace('tenantIds')), h('label', t('file'), file)),
		h('section.card', h2('strategy'),
			h('div.grid2',
				strategy('maxConcurrency', '1'), strategy('maxFailures', '0'), strategy('maxSameFailures', t('none')),
				select('failureAction', failureActions), select('concurrencyMode', ['Soft', 'Strict']), select('conflict', ['Reject', 'Wait', 'Skip']),
				strategy('waveSizes', '1, 10%, 50%'), strategy('bakeTime', '0s'), strategy('firstBakeTime', '0s'), strategy('finalBakeTime', '0s'),
				field('strategy.retry.attempts', t('attempts'), { placeholder: '1' }), strategy('taskTimeout', t('none')), strategy('quotas', 'shard=5')),
			check('canary'), check('approval'), faultPlace('strategy.waves')),
		preview, status, h('div.actions', create, link({}, { class: 'button' }, t('not.now'))));
	main.append(crumbs(), heading(t('plan.new')), form);
	tried(ask('plans?limit=50')).then(page => fill(types, [...new Set(page?.plans.map(p => p.executorType))].map(value => h('option', { value }))));

	// read returns what is typed, as it is kept.
	const read = () => Object.fromEntries([...form.elements].filter(el => el.name && el !== file)
		.map(el => [el.name, el.type === 'checkbox' ? el.checked : el === tenants ? el.value : el.value.trim()]));

	// request is the body with what is typed, or with the file of tenants if there is one.
	const request = typed => withTenants('plan', spec(typed), file.files[0] ? { file: file.files[0] } : pasted(typed.tenants));

	let timer = null;
	let asked = 0;
	let submitted = false;

	function changed() {
		const typed = read();
		saveDraft(typed);
		tenants.disabled = file.files.length > 0;
		count.textContent = t('tenants.n', { n: pasted(typed.tenants).count });
		clearTimeout(timer);
		timer = setTimeout(look, 400);
	}

	// look asks for a preview of what is typed. Of answers that overtake one another the last counts.
	async function look() {
		const typed = read();
		const mine = ++asked;
		const show = (...content) => mine === asked && fill(preview, h2('preview'), ...content);
		const chosen = file.files[0];
		if (chosen ? chosen.size > maxPreview : !typed.tenants.trim()) return show(h('p.dim', t(chosen ? 'preview.large' : 'preview.empty')));
		try {
			const doc = await command('preview', { body: request(typed) });
			if (show(previewOf(doc)) === false) return;
			showFaults(form, null);
			announce(`${t('preview')}: ${t('waves')} ${doc.waves?.length ?? 0}`);
		} catch (problem) {
			throwOther(problem);
			if (mine !== asked) return;
			if (!problem.doc.faults) timer = setTimeout(look, 3000);
			// What was not typed yet is no fault before it was sent.
			const faults = (problem.doc.faults ?? []).filter(f => submitted || typed[f.field] !== '');
			const others = showFaults(form, { doc: { ...problem.doc, faults } }, place);
			show(h('p', faults.length ? t('code.INVALID_REQUEST') : problem.doc.faults ? t('preview.missing') : explain(problem)),
				others.map(text => h('p.fault', text)));
		}
	}

	let key = '';
	let keyFor = '';

	async function submit(e) {
		e.preventDefault();
		submitted = true;
		const typed = read();
		const { name, size, lastModified } = file.files[0] ?? {};
		const text = JSON.stringify([typed, name, size, lastModified]);
		if (text !== keyFor) [key, keyFor] = [newKey(), text]; // the same content again is the same plan
		create.disabled = true;
		fill(status, t('sending'));
		try {
			const plan = await command('plans', { body: request(typed), key });
			saveDraft({});
			go({ plan: plan.planId });
		} catch (problem) {
			refuse(form, status, problem, place);
			form.querySelector('[aria-invalid]')?.focus();
			create.disabled = false;
		}
	}

	changed();
	return {
		close() {
			clearTimeout(timer);
			asked++;
		},
	};
}

// spec is the body of the request. Sizes alone repeat the last one; waves of these sizes end with
// one for the rest.
function spec(typed) {
	const s = {};
	for (const name of [...amounts, ...texts]) {
		const text = typed['strategy.' + name];
		if (text) s[name] = texts.includes(name) ? text : amount(text);
	}
	const sizes = typed['strategy.waveSizes'].split(/[\s,，、]+/).filter(Boolean).map(amount);
	if (typed.canary || typed.approval) {
		s.waves = [...sizes.map(size => ({ size })), {}];
		if (typed.canary) s.waves[0].canary = true;
		if (typed.approval) s.waves.slice(1).forEach(wave => { wave.approval = true; });
	} else if (sizes.length) s.waveSizes = sizes;
	const quotas = (typed['strategy.quotas'] ?? '').split(/\s*[,，、]\s*/).filter(Boolean).map(quota);
	if (quotas.length) s.quotas = quotas;
	const attempts = typed['strategy.retry.attempts'];
	if (attempts) s.retry = { attempts: amount(attempts) };
	return { name: typed.name, executorType: typed.executorType, strategy: s };
}

// quota is a quota as it is typed, "label=max".
function quota(text) {
	const at = text.lastIndexOf('=');
	return at < 0 ? { label: text, max: 0 } : { label: text.slice(0, at).trim(), max: amount(text.slice(at + 1).trim()) };
}

// place is the field on the page of a field of the request.
const place = name => tenantPlace(name).replace(/^(strategy\.(waves|waveSizes|quotas)).*/,
	(_, field) => (field === 'strategy.waves' && /size/i.test(name) ? 'strategy.waveSizes' : field));

function previewOf(doc) {
	const row = w => [
		[w.name || nthWave(w.wave), w.approval && [' ', h('span.tag', t('approval'))], w.strict && [' ', h('span.tag', t('choice.Strict'))]],
		number(w.taskCount), number(w.maxSlots), outOf(w.waveMaxFailed, w.maxFailed), w.bakeTime ? span(1000 * seconds(w.bakeTime)) : '–', number(w.worstCase),
	];
	return [
		table(['wave', 'tenants', 'strategy.maxConcurrency', 'strategy.maxFailures', 'strategy.bakeTime', 'worst'], (doc.waves ?? []).map(row)),
		h('p.dim', t('worst.meaning')),
		(doc.warnings ?? []).map(w => h('p.warning', icon('hand'), ' ', h('code', w.field), ' ', w.problem)),
	];
}

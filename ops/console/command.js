// Commands: the buttons, what a command will hit, its reason, its confirmation, and its answer.

import { announce, button, ended, fill, h, has, icon, link, notice, nthWave, t, tally, word } from './ui.js';
import { command, newKey, throwOther } from './server.js';

// Commands that take something away; those that only hold back, and must never wait for a text;
// those that need a reason, unless the host says otherwise.
const destructive = new Set(['cancel', 'rollback', 'skip', 'reject']);
const calming = new Set(['pause', 'reject']);
const explained = new Set(['cancel', 'rollback', 'tune', 'reject', 'skip', 'note']);

export const failureActions = ['Stop', 'Pause', 'RollbackPlan', 'RollbackWave'];

// From how many tenants on their number has to be typed.
const manyTenants = 100;

// buttons are the commands that are possible now, first the one that is the next thing to do.
export function buttons(actions, give, first) {
	const order = actions.filter(a => a !== 'add' && a !== 'delete').sort((a, b) => (b === first) - (a === first) || destructive.has(a) - destructive.has(b));
	return order.map(action => button(t('action.' + action), () => give(action), {
		'data-key': 'action-' + action, class: action === first ? 'primary' : destructive.has(action) ? 'danger' : '',
	}));
}

// hits is how many tenants a command on a plan, or on a wave of it, concerns.
function hits(action, plan) {
	switch (action) {
		case 'start': case 'approve': case 'reject': return plan.taskCount;
		case 'retry': return tally(plan, 'FAILED');
		case 'rollback': return plan.taskCount - tally(plan, 'PENDING', 'SKIPPED', 'ROLLED_BACK');
		case 'tune': case 'note': return 0;
		default: return plan.taskCount - ended(plan);
	}
}

// onPlan gives a command on a plan, or on a wave of it with the counters that the wave has.
export function onPlan(action, plan, done, wave) {
	const count = hits(action, wave ?? plan);
	open({
		action, count, done, fields: action === 'tune' ? tuneFields(plan) : undefined,
		path: `plans/${plan.planId}/${wave ? `waves/${wave.wave}/` : ''}${action}`,
		// What stops something must not wait for another look; everything else is for what was seen.
		version: calming.has(action) ? 0 : plan.version,
		title: t('command.of', { action: t('action.' + action), what: `#${plan.planId} ${plan.name}` }),
		about: [wave && nthWave(wave.wave), ' ', t(`hits.${action}${wave && action === 'rollback' ? '.wave' : ''}`, { n: count })],
	});
}

// onTask gives a command on a task.
export function onTask(action, task, done) {
	open({
		action, count: 1, done, path: `tasks/${task.taskId}/${action}`, version: 0,
		title: t('command.of', { action: t('action.' + action), what: task.tenantId }),
		about: t('hits.task.' + action),
	});
}

// onTasks gives a command on all tasks of a plan that a filter selects. The server counts them first:
// the page may not have read them all.
export async function onTasks(action, plan, filter, done, left) {
	const path = `plans/${plan.planId}/tasks/${action}`;
	let seen;
	try {
		seen = await command(path, { body: { filter, dryRun: true } });
	} catch (problem) {
		throwOther(problem);
		notice('bad', explain(problem));
		return;
	}
	if (left() || document.querySelector('dialog')) return;
	const count = seen.tasks.changing;
	if (!count) {
		tell(action, seen);
		done();
		return;
	}
	open({
		action, count, done, filter, path, version: seen.version,
		title: t('command.of', { action: t('action.' + action), what: t('tenants.n', { n: count }) }),
		about: Object.values(filter).flat().join(' · '),
	});
}

// A field of a command is an element, and how it adds itself to the body.
function retryFields() {
	const choice = (value, checked) => h('label.choice',
		h('input', { type: 'radio', name: 'from', value, checked }), ' ', t('retry.' + value));
	const el = h('fieldset', h('legend', t('retry.from')), choice('checkpoint', true), choice('scratch', false));
	return { el, body: form => (form.elements.from.value === 'scratch' ? { fromCheckpoint: false } : {}) };
}

function tuneFields(plan) {
	const before = {
		maxConcurrency: plan.strategy.maxConcurrency ?? 1, maxFailures: plan.strategy.maxFailures ?? 0,
		failureAction: plan.strategy.failureAction, bakeTime: plan.strategy.bakeTime ?? '0s',
	};
	const el = h('div.grid2', Object.entries(before).map(([name, value]) => h('label', t('strategy.' + name),
		name === 'failureAction' ? choose(name, failureActions, value)
			: h('input', { name, value: String(value), autocomplete: 'off', 'data-field': name }), faultPlace(name))));
	return {
		el,
		body(form) {
			const changed = {};
			for (const [name, value] of Object.entries(before)) {
				const text = form.elements[name].value.trim();
				if (text !== String(value)) changed[name] = amount(text);
			}
			return changed;
		},
	};
}

export const choose = (name, values, value) => h('select', { name, 'data-field': name },
	values.map(v => h('option', { value: v, selected: v === value }, word('choice', v))));

// amount is a number if the text is one: amounts are 3 or "10%".
export const amount = text => (/^\d{1,9}$/.test(text) ? Number(text) : text);

export const faultPlace = name => h('span.fault', { 'data-fault': name });

// explain says what a problem is, in words and with the links that help.
export function explain(problem) {
	const { code, doc } = problem;
	const params = doc.params ?? {};
	const text = [has('code.' + code) ? t('code.' + code) : doc.title ?? code];
	if (code === 'NOT_APPLICABLE' && params.planState) {
		text.push(' ', t('code.state', { state: word('state', params.taskState ?? params.planState) }));
		if (params.worker) text.push(' ', t('code.worker', { worker: params.worker }));
	}
	for (const held of (params.held ?? []).slice(0, 5)) {
		text.push(' ', held.planId ? link({ plan: held.planId }, null, t('code.held', { tenant: held.tenantId, plan: String(held.planId) })) : held.tenantId);
	}
	if (doc.detail && !has('code.' + code)) text.push(' ', doc.detail);
	return text;
}

// showFaults shows the faults of a problem at their fields, and the others together.
export function showFaults(root, problem, place) {
	for (const el of root.querySelectorAll('[data-fault]')) el.textContent = '';
	for (const el of root.querySelectorAll('[aria-invalid]')) el.removeAttribute('aria-invalid');
	const others = [];
	for (const fault of problem?.doc.faults ?? []) {
		const field = place ? place(fault.field) : fault.field;
		const at = root.querySelector(`[data-fault="${CSS.escape(field)}"]`);
		if (!at) {
			others.push(`${fault.field} ${fault.problem}`);
			continue;
		}
		root.querySelector(`[data-field="${CSS.escape(field)}"]`)?.setAttribute('aria-invalid', 'true');
		const where = fault.field === field ? '' : fault.field + ' ';
		if (at.childElementCount < 5) at.append(h('span', where + fault.problem));
		else if (at.childElementCount === 5) at.append(h('span', t('faults.more', { n: problem.doc.faultCount })));
	}
	const first = root.querySelector('[data-fault] span');
	if (first) announce(first.textContent);
	return others;
}

// refuse says at its fields and in its status why what a form sends was not done.
export function refuse(form, status, problem, place) {
	throwOther(problem);
	const others = showFaults(form, problem, place);
	fill(status, explain(problem), others.map(fault => h('span.fault', fault)));
}

// open asks for what a command needs, sends it, and says honestly what came of it.
function open({ action, path, title, about, count, version, filter, fields = action === 'retry' ? retryFields() : null, done }) {
	const needed = explained.has(action);
	const typed = count > manyTenants && !calming.has(action);
	const key = newKey(); // kept if it is sent again: it is carried out once
	const reason = h('textarea', { name: 'reason', rows: 2, maxlength: 1000, 'data-field': 'reason', required: needed });
	const number_ = typed && h('input', { name: 'count', inputmode: 'numeric', autocomplete: 'off', required: true, 'data-field': 'count' });
	const status = h('p.answer', { role: 'alert' });
	const go = h('button', { type: 'submit', class: destructive.has(action) ? 'danger' : 'primary' }, t('action.' + action));
	const picks = (has('picks.' + action) ? t('picks.' + action) : t('picks')).split(';');
	const form = h('form', { method: 'dialog', onsubmit: submit, onkeydown: noComposedEnter, novalidate: true },
		h('h2', { id: 'dialog-title' }, destructive.has(action) && icon('hand'), title),
		h('p', about),
		fields?.el,
		h('label', needed ? t('reason.needed') : t('reason'), reason, faultPlace('reason')),
		h('div.picks', picks.map(text => button(text, () => {
			reason.value = text;
			reason.focus();
		}))),
		typed && h('label', t('type.count', { n: count, x: String(count) }), number_, faultPlace('count')),
		status,
		h('div.actions', go, button(t('not.now'), () => dialog.close())));
	const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', onclose: () => dialog.remove() }, form);
	document.body.append(dialog);
	dialog.showModal();
	(typed || needed ? reason : go).focus();

	async function submit(e) {
		e.preventDefault();
		if (go.disabled) return;
		const text = reason.value.trim();
		const faults = [];
		if (reason.required && !text) faults.push({ field: 'reason', problem: t('fault.required') });
		if (typed && number_.value.replace(/[\s.,_]/g, '') !== String(count)) faults.push({ field: 'count', problem: t('fault.count', { n: count }) });
		showFaults(form, { doc: { faults } });
		if (faults.length) {
			form.elements[faults[0].field].focus();
			return;
		}
		go.disabled = true;
		fill(status, t('sending'));
		try {
			const body = { ...fields?.body(form), ...(text && { reason: text }), ...(filter && { filter }) };
			tell(action, await command(path, { body, version, key }));
			dialog.close();
			done?.();
		} catch (problem) {
			refuse(form, status, problem);
			if (problem.code === 'REASON_REQUIRED') reason.required = true;
			if (problem.code === 'VERSION_MISMATCH') done?.(); // what was seen has changed: show it
			go.disabled = problem.code === 'VERSION_MISMATCH';
		}
	}
}

// tell says what a command has done.
function tell(action, doc) {
	const state = word('state', doc.state);
	const params = { action: t('action.' + action), state };
	if (doc.tasks) {
		const not = Object.values(doc.tasks.notApplicable ?? {}).reduce((sum, n) => sum + n, 0);
		notice(doc.tasks.changing ? 'good' : 'plain', t('command.counts', { unchanged: 0, ...doc.tasks, notApplicable: not }));
	} else if (doc.unchanged) notice('plain', t('answer.unchanged', params));
	else if (doc.repeated) notice('plain', t('answer.repeated', params));
	else notice('good', t('answer.applied', params));
}

// noComposedEnter keeps an Enter that ends a composition from sending the form.
export function noComposedEnter(e) {
	if (e.key === 'Enter' && (e.isComposing || e.keyCode === 229)) e.preventDefault();
}


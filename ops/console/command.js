// Commands: the buttons, what a command will hit, its reason, its confirmation, and its answer.

import { announce, button, ended, fill, h, has, heading, icon, link, notice, nthWave, part, plain, t, tally, word } from './ui.js';
import { command, newKey, poll, throwOther } from './server.js';

// Commands that take something away; those that only hold back, and must never wait for a text; and
// those that are refused without a reason unless the host says otherwise.
const destructive = new Set(['cancel', 'rollback', 'skip', 'reject', 'exclude', 'delete']);
const calming = new Set(['pause', 'reject']);
const explained = new Set([...destructive, 'tune', 'note']);

export const failureActions = ['Stop', 'Pause', 'RollbackPlan', 'RollbackWave'];

// From how many tenants on their number has to be typed.
const manyTenants = 100;

// buttons are the commands that are possible now, first the one that is the next thing to do.
export function buttons(actions, give, first) {
	const order = actions.toSorted((a, b) => (b === first) - (a === first) || destructive.has(a) - destructive.has(b));
	return order.map(action => button(t('action.' + action), () => give(action), {
		'data-key': 'action-' + action, class: action === first ? 'primary' : destructive.has(action) ? 'danger' : '',
	}));
}

// hits is how many tenants a command on a plan, or on a wave of it, concerns.
function hits(action, plan) {
	switch (action) {
		case 'start': case 'approve': case 'reject': case 'delete': return plan.taskCount;
		case 'retry': return tally(plan, 'FAILED');
		case 'rollback': return plan.taskCount - tally(plan, 'PENDING', 'SKIPPED', 'ROLLED_BACK');
		case 'tune': case 'note': case 'add': case 'exclude': return 0;
		default: return plan.taskCount - ended(plan);
	}
}

// What else a command asks for, by its action.
const planFields = { tune: tuneFields, add: () => tenantFields(pasted), exclude: () => tenantFields(pastedIDs), retry: () => retryFields(false) };

// onPlan gives a command on a plan, or on a wave of it with the counters that the wave has.
export function onPlan(action, plan, done, wave) {
	const count = hits(action, wave ?? plan);
	const place = action === 'add' || action === 'exclude' ? 'tenants/' : wave ? `waves/${wave.wave}/` : '';
	open({
		action, count, done, fields: planFields[action]?.(plan),
		path: `plans/${plan.planId}/${place}${action}`,
		// What stops something must not wait for another look; everything else is for what was seen.
		version: calming.has(action) || action === 'note' ? 0 : plan.version,
		what: `#${plan.planId} ${plan.name}`,
		about: [wave && nthWave(wave.wave), ' ', t(`hits.${action}${wave && action === 'rollback' ? '.wave' : ''}`, { n: count })],
		typed: action === 'delete' && String(plan.planId),
	});
}

// onTask gives a command on a task.
export const onTask = (action, task, done) => open({
	action, done, path: `tasks/${task.taskId}/${action}`, what: task.tenantId, about: t('hits.task.' + action), fields: action === 'retry' && retryFields(true),
});

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
		action, count, done, body: { filter }, path, version: seen.version, what: t('tenants.n', { n: count }),
		about: Object.values(filter).flat().join(' · '), fields: retryFields(false),
	});
}

// Fields of a command: their element, what they add to the body, and perhaps how many tenants they
// name.
function retryFields(one) {
	const choice = (value, checked) => h('label.choice', h('input', { type: 'radio', name: 'from', value, checked }), ' ', t('retry.' + value));
	return {
		el: h('fieldset', h('legend', t('retry.from')), choice('checkpoint', true), choice('scratch', false),
			one && h('label.choice', h('input', { type: 'checkbox', name: 'alone' }), ' ', t('retry.alone'))),
		body: form => ({ ...(form.from.value === 'scratch' && { fromCheckpoint: false }), ...(form.alone?.checked && { stayStopped: true }) }),
	};
}

function tuneFields(plan) {
	const before = {
		maxConcurrency: plan.strategy.maxConcurrency ?? 1, maxFailures: plan.strategy.maxFailures ?? 0,
		maxSameFailures: plan.strategy.maxSameFailures ?? 0,
		failureAction: plan.strategy.failureAction, bakeTime: plan.strategy.bakeTime ?? '0s',
	};
	return {
		el: h('div.grid2', Object.entries(before).map(([name, value]) => h('label', t('strategy.' + name),
			name === 'failureAction' ? choose(name, failureActions, value)
				: h('input', { name, value: String(value), autocomplete: 'off', 'data-field': name }), faultPlace(name)))),
		body: form => Object.fromEntries(Object.entries(before).map(([name, value]) => [name, form[name].value.trim(), String(value)])
			.filter(([, text, value]) => text !== value).map(([name, text]) => [name, amount(text)])),
	};
}

const tenantFields = read => ({
	el: h('label', t('tenants'), h('textarea', { name: 'tenants', rows: 5, ...plain, 'data-field': 'tenantIds' }), faultPlace('tenantIds')),
	list: form => read(form.tenants.value), count: form => read(form.tenants.value).count,
});

const header = /^"?(id|tenant|tenant_?id)"?$/i;

// pasted reads the text of a field of tenants: their count, and tenantIds, tenants, or a file for the
// server to read. Ids stand in lines, or between commas or semicolons; a JSON array has ids or
// tenants; a table and lines of JSON are read as a file is. A line that begins with # is a comment.
export function pasted(text) {
	const lines = text.split(/\r?\n/).filter(line => line.trim() && !/^\s*#/.test(line));
	const first = lines[0]?.trim() ?? '';
	if (first[0] === '[') {
		try {
			const list = JSON.parse(lines.join('\n'));
			return { count: list.length, [typeof list[0] === 'object' ? 'tenants' : 'tenantIds']: list };
		} catch { /* the server says what it is not */ }
	}
	const titled = first.split(/[,;\t]/).some(cell => header.test(cell.trim()));
	if (titled || '[{"'.includes(first[0]) || first.includes('\t')) return { count: lines.length - titled, file: new Blob([text]) };
	const tenantIds = lines.join('\n').split(/[\n,;，；]+/).map(id => id.trim()).filter(Boolean);
	return { count: tenantIds.length, tenantIds };
}

// pastedIDs reads them where only ids are asked for.
function pastedIDs(text) {
	const { count, tenants, tenantIds = tenants?.map(one => one?.id) ?? text.split('\n') } = pasted(text);
	return { count, tenantIds };
}

// withTenants is the body of a request: JSON, or a form of two parts if the server has to read a file.
export function withTenants(part, doc, { count, file, ...list } = {}) {
	if (!file) return { ...doc, ...list };
	const parts = new FormData();
	parts.set(part, JSON.stringify(doc));
	parts.set('tenants', file);
	return parts;
}

// tenantPlace is the field on the page of a field of the request: tenants are typed into one.
export const tenantPlace = name => (name.startsWith('tenant') ? 'tenantIds' : name);

export const choose = (name, values, value) => h('select', { name, 'data-field': name },
	values.map(v => h('option', { value: v, selected: v === value }, word('choice', v))));

// amount is a number if the text is one: amounts are 3 or "10%".
export const amount = text => (/^\d{1,9}$/.test(text) ? Number(text) : text);

export const faultPlace = name => h('span.fault', { 'data-fault': name });

// explain says what a problem is, in words and with the links that help.
export function explain({ code, doc }) {
	const { params = {}, title, detail } = doc;
	const text = [has('code.' + code) ? t('code.' + code) : [title ?? code, ' ', detail]];
	if (code === 'NOT_APPLICABLE' && params.planState) {
		text.push(' ', t('code.state', { state: word('state', params.taskState ?? params.planState) }));
		if (params.worker) text.push(' ', t('code.worker', { worker: params.worker }));
	}
	for (const held of (params.held ?? []).slice(0, 5)) {
		text.push(' ', held.planId ? link({ plan: held.planId }, null, t('code.held', { tenant: held.tenantId, plan: String(held.planId) })) : held.tenantId);
	}
	return text;
}

// lookPage is a page that asks a question again and again, and draws the last answer, anew when that
// or what the page knows also has changed.
export function lookPage(main, title, path, draw, also, ...above) {
	const status = h('p.dim', t('loading'));
	const body = part('div', draw);
	main.append(heading(t(title)), ...above, status, body.el);
	return poll(path, doc => {
		fill(status, doc.partly && explain({ code: doc.partly.code, doc: doc.partly })); // what is missing
		body.el.hidden = false;
		body.show(doc, also?.(doc));
	}, problem => {
		fill(status, explain(problem));
		body.el.hidden = problem.code === 'NOT_FOUND';
	});
}

// showFaults shows the faults of a problem at their fields, and returns the others.
export function showFaults(root, problem, place = tenantPlace) {
	for (const el of root.querySelectorAll('[data-fault]')) el.textContent = '';
	for (const el of root.querySelectorAll('[aria-invalid]')) el.removeAttribute('aria-invalid');
	const others = [];
	for (const fault of problem?.doc.faults ?? []) {
		const field = place(fault.field);
		const at = root.querySelector(`[data-fault="${CSS.escape(field)}"]`);
		if (!at) {
			others.push(`${fault.field} ${fault.problem}`);
			continue;
		}
		root.querySelector(`[data-field="${CSS.escape(field)}"]`)?.setAttribute('aria-invalid', 'true');
		const where = fault.line ? t('line.n', { line: String(fault.line) }) + ': ' : fault.field === field ? '' : fault.field + ' ';
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

// open asks for what a command needs, sends it, and says honestly what came of it. typed is what has
// to be typed if it is not the number of many tenants.
export function open({ action, path, what, about, count = 0, version, body, fields, typed, done }) {
	const key = newKey(); // kept if it is sent again: it is carried out once
	const reason = h('textarea', { name: 'reason', rows: 2, maxlength: 1000, 'data-field': 'reason', required: explained.has(action) });
	const proof = h('input', { name: 'count', inputmode: 'numeric', autocomplete: 'off', 'data-field': 'count' });
	const proofLabel = h('span');
	const proofField = h('label', proofLabel, proof, faultPlace('count'));
	const status = h('p.answer', { role: 'alert' });
	const go = h('button', { type: 'submit', class: destructive.has(action) ? 'danger' : 'primary' }, t('action.' + action));
	const pick = 'picks.' + ({ exclude: 'skip', delete: 'cancel' }[action] ?? action);
	const form = h('form', { method: 'dialog', onsubmit: submit, oninput: prove, onkeydown: noComposedEnter, novalidate: true },
		h('h2', { id: 'dialog-title' }, destructive.has(action) && icon('hand'), t('command.of', { action: t('action.' + action), what })),
		h('p', about),
		fields?.el,
		h('label', t(reason.required ? 'reason.needed' : 'reason'), reason, faultPlace('reason')),
		h('div.picks', t(has(pick) ? pick : 'picks').split(';').map(text => button(text, () => {
			reason.value = text;
			reason.focus();
		}))),
		proofField, status,
		h('div.actions', go, button(t('not.now'), () => dialog.close())));
	const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', onclose: () => dialog.remove() }, form);
	const wanted = prove();
	document.body.append(dialog);
	dialog.showModal();
	(form.tenants ?? (wanted || reason.required ? reason : go)).focus();

	// prove shows the field for what has to be typed, and returns it.
	function prove() {
		const n = fields?.count?.(form) ?? count;
		const wanted = typed || (n > manyTenants && !calming.has(action) ? String(n) : '');
		proofField.hidden = !wanted;
		proofLabel.textContent = t(typed ? 'type.plan' : 'type.count', { n, x: wanted });
		return wanted;
	}

	async function submit(e) {
		e.preventDefault();
		if (go.disabled) return;
		const text = reason.value.trim();
		const wanted = prove();
		const faults = [];
		if (form.tenants && !fields.count(form)) faults.push({ field: 'tenants', problem: t('fault.required') });
		if (reason.required && !text) faults.push({ field: 'reason', problem: t('fault.required') });
		if (wanted && proof.value.replace(/[\s.,_]/g, '') !== wanted) faults.push({ field: 'count', problem: t('fault.count', { n: typed || Number(wanted) }) });
		showFaults(form, { doc: { faults } });
		if (faults.length) {
			form[faults[0].field].focus();
			return;
		}
		go.disabled = true;
		fill(status, t('sending'));
		try {
			const doc = { ...body, ...fields?.body?.(form), ...(text && { reason: text }) };
			const answer = await command(path, { body: withTenants('command', doc, fields?.list?.(form)), version, key });
			tell(action, answer);
			dialog.close();
			done?.(answer);
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
	const params = { action: t('action.' + action), state: doc.state ? word('state', doc.state) : '' };
	const say = (tone, key, more) => notice(tone, t(key, { ...params, ...more }), doc.error && ` ${doc.error}`);
	if (doc.tasks) {
		const not = Object.values(doc.tasks.notApplicable ?? {}).reduce((sum, n) => sum + n, 0);
		say(doc.tasks.changing ? 'good' : 'plain', 'command.counts', { unchanged: 0, ...doc.tasks, notApplicable: not });
	} else if (doc.sent !== undefined) say(doc.error ? 'bad' : 'good', 'answer.sent', doc);
	else if (doc.unchanged) say('plain', 'answer.unchanged');
	else if (doc.repeated) say('plain', 'answer.repeated');
	else if (doc.stopped) say('plain', 'answer.stopped');
	else say('good', doc.state ? 'answer.applied' : 'answer.done');
}

// noComposedEnter keeps an Enter that ends a composition from sending the form.
export function noComposedEnter(e) {
	if (e.key === 'Enter' && (e.isComposing || e.keyCode === 229)) e.preventDefault();
}

// The server: questions, commands, and what changes. All paths are relative to the page.

import { setClock } from './ui.js';

// Problem is an answer that is none: a problem document, or what the page found itself
// (NO_ANSWER, SIGNED_OUT).
class Problem extends Error {
	constructor(code, doc = {}) {
		super(code);
		this.code = code;
		this.doc = doc;
	}
}

// throwOther throws what is no problem.
export function throwOther(fault) {
	if (!(fault instanceof Problem)) throw fault;
}

// insist asks until there is an answer, or the page was left. The answer is null if it was left, or
// if there is no such thing; tell hears of other problems.
export async function insist(path, left, tell) {
	for (; !left(); await new Promise(done => setTimeout(done, 3000))) {
		try {
			const doc = await ask(path);
			return left() ? null : doc;
		} catch (problem) {
			throwOther(problem);
			if (problem.code === 'NOT_FOUND') break;
			if (!left()) tell?.(problem);
		}
	}
	return null;
}

// tried is the answer to a question, or null if the answer is a problem.
export const tried = asked => asked.catch(fault => throwOther(fault) ?? null);

// connection is what the page knows of its connection. The shell shows it.
export const connection = { signedOut: false, away: null, mode: '', seen: 0, changed() {} };

function note(change) {
	const state = () => [connection.signedOut, connection.away, connection.mode].join();
	const before = state();
	Object.assign(connection, change);
	if (before !== state()) connection.changed();
}

// numbers keeps numbers that a number of JavaScript cannot hold as they are written.
const numbers = (_, value, context) =>
	(typeof value === 'number' && context && context.source !== String(value) && JSON.rawJSON ? JSON.rawJSON(context.source) : value);

// ask asks a question. A redirect, a 401 or a page of HTML means that nobody is signed in any more;
// but the page of a proxy that gets no answer is none.
export async function ask(path, options = {}) {
	let answer, text;
	try {
		answer = await fetch(path, { redirect: 'manual', cache: 'no-store', signal: AbortSignal.timeout(30000), ...options });
		text = await answer.text();
	} catch (fault) {
		if (options.signal?.aborted) throw fault;
		note({ away: 'NO_ANSWER' });
		throw new Problem('NO_ANSWER');
	}
	const type = answer.headers.get('Content-Type') ?? '';
	if (answer.type === 'opaqueredirect' || answer.status === 401 || (answer.status < 500 && type.startsWith('text/html'))) {
		note({ signedOut: true });
		throw new Problem('SIGNED_OUT');
	}
	if (connection.mode !== 'live') setClock(Date.parse(answer.headers.get('Date')));
	let doc;
	try {
		doc = JSON.parse(text, numbers);
	} catch {
		note({ away: 'NO_ANSWER' });
		throw new Problem('NO_ANSWER');
	}
	const away = answer.status === 503 ? doc.code : null;
	note({ signedOut: false, away, seen: away ? connection.seen : Date.now() });
	if (!answer.ok) throw new Problem(doc.code, doc);
	return doc;
}

// newKey is a key with which a command is carried out once, however often it is sent. randomUUID
// exists only where TLS is.
export function newKey() {
	return Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('');
}

// command sends a command. version is the one that was seen; key is kept when it is sent again.
export function command(path, { body = {}, version, key = newKey() } = {}) {
	const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
	if (version) headers['If-Match'] = `"${version}"`;
	return ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

// Times in milliseconds: between two polls, without a sign of life of a stream until it counts as
// dead, and the longest wait for the next stream.
const pollTime = 2000;
const silence = 25000;
const maxDelay = 60000;

// Watch tells what changes: events and plans of the plans that it is given with the position after
// which it begins, and rows of the list. It reads a stream of the server's, and polls while it has
// none. A hidden tab does neither, and catches up when it is seen.
export class Watch {
	constructor({ plans = {}, list = null }, on) {
		Object.assign(this, { positions: { ...plans }, list, on, delay: 1000, closed: false, polling: false });
		this.seen = () => (document.hidden ? this.rest() : this.begin());
		document.addEventListener('visibilitychange', this.seen);
		if (!document.hidden) this.begin();
	}

	close() {
		this.closed = true;
		document.removeEventListener('visibilitychange', this.seen);
		this.rest();
		note({ mode: '' });
	}

	begin() {
		this.poll();
		this.open();
	}

	rest() {
		clearTimeout(this.nextPoll);
		clearTimeout(this.nextStream);
		this.drop();
	}

	drop() {
		clearTimeout(this.silent);
		this.stream?.close();
		this.stream = null;
		this.live = false;
	}

	open() {
		this.drop();
		if (this.closed || document.hidden) return;
		const query = new URLSearchParams();
		for (const plan of Object.keys(this.positions)) query.append('plan', plan);
		if (this.list) query.set('list', '1');
		const after = Object.entries(this.positions).map(([plan, seq]) => `${plan}:${seq}`).join(',');
		if (after) query.set('after', after);
		const stream = new EventSource('stream?' + query);
		this.stream = stream;
		stream.onerror = () => {
			this.live = false;
			this.pollSoon();
			// After any answer but 200 a browser gives a stream up for good.
			if (stream.readyState === EventSource.CLOSED && this.stream === stream) this.again();
		};
		stream.onopen = () => this.alive();
		const on = (name, take) => stream.addEventListener(name, e => {
			const doc = JSON.parse(e.data, numbers);
			this.alive(doc.away ?? doc.since);
			take?.(doc);
		});
		on('ping', ping => setClock(Date.parse(ping.now)));
		on('away');
		on('events', frame => this.take(frame.plan, frame.events));
		on('plan', plan => this.on.plan?.(plan));
		on('list', frame => this.on.list?.(frame.plans, frame.removed));
		on('reset', () => this.on.reset?.());
	}

	// alive notes a sign of life of the stream, which may be that the store is away.
	alive(away) {
		if (!this.live) this.poll(); // what happened in between
		this.live = true;
		this.delay = 1000;
		if (away) note({ away: 'STORE_UNAVAILABLE' });
		else note({ mode: 'live', away: null, signedOut: false, seen: Date.now() });
		clearTimeout(this.silent);
		this.silent = setTimeout(() => {
			this.again();
			this.poll();
		}, silence);
	}

	again() {
		this.drop();
		clearTimeout(this.nextStream);
		this.nextStream = setTimeout(() => this.open(), this.delay * (0.75 + Math.random() / 2));
		this.delay = Math.min(2 * this.delay, maxDelay);
	}

	take(plan, events) {
		const fresh = events.filter(e => e.seq > (this.positions[plan] ?? 0));
		if (fresh.length === 0) return;
		this.positions[plan] = fresh[fresh.length - 1].seq;
		this.on.events?.(fresh, plan);
	}

	pollSoon(time = pollTime) {
		clearTimeout(this.nextPoll);
		if (!this.closed && !document.hidden && !this.live) this.nextPoll = setTimeout(() => this.poll(), time);
	}

	// poll asks for what a stream would have told, once; again and again while there is no stream.
	async poll() {
		if (this.closed) return;
		if (this.polling) {
			this.pollAgain = true;
			return;
		}
		this.polling = true;
		this.pollAgain = false;
		let wait = pollTime;
		try {
			for (const plan of Object.keys(this.positions)) await this.pollPlan(plan);
			if (this.list) this.on.list?.(await this.list());
		} catch (problem) {
			wait = 2 * pollTime;
			throwOther(problem);
			// The stream may have said so, too.
			if (!this.closed && ['EVENTS_TRIMMED', 'EVENTS_AHEAD', 'NOT_FOUND'].includes(problem.code)) this.on.reset?.();
		} finally {
			this.polling = false;
			if (!this.live && !this.closed) note({ mode: 'polling' });
			if (this.pollAgain) this.poll();
			else this.pollSoon(wait);
		}
	}

	async pollPlan(id) {
		const plan = await ask('plans/' + id);
		if (this.closed) return;
		this.on.plan?.(plan);
		while (plan.lastEvent > this.positions[id]) {
			const page = await ask(`plans/${id}/events?after=${this.positions[id]}&limit=1000`);
			if (this.closed || page.events.length === 0) return;
			this.take(id, page.events);
		}
	}
}

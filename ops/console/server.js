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
export async function ask(path, { timeout = 30000, ...options } = {}) {
	let answer, text;
	try {
		answer = await fetch(path, { redirect: 'manual', cache: 'no-store', signal: AbortSignal.timeout(timeout), ...options });
		text = await answer.text();
	} catch {
		throw unanswered();
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
		throw unanswered();
	}
	const away = answer.status === 503 ? doc.code : null;
	note({ signedOut: false, away, seen: away ? connection.seen : Date.now() });
	if (!answer.ok) throw new Problem(doc.code, doc);
	return doc;
}

function unanswered() {
	note({ away: 'NO_ANSWER' });
	return new Problem('NO_ANSWER');
}

// poll asks a question at once and then every 5 s while the page is seen, and again with now(). The
// answer to an older question is not shown.
export function poll(path, show, refused) {
	let timer = null;
	let asked = 0;
	let closed = false;
	async function now() {
		clearTimeout(timer);
		if (closed) return;
		const mine = ++asked;
		const late = () => closed || mine !== asked;
		try {
			const doc = document.hidden ? null : await ask(path());
			if (doc && !late()) show(doc);
		} catch (problem) {
			throwOther(problem);
			if (!late()) refused(problem);
		} finally {
			if (!late()) timer = setTimeout(now, 5000);
		}
	}
	now();
	return {
		now,
		close() {
			closed = true;
			clearTimeout(timer);
		},
	};
}

// newKey is a key with which a command is carried out once, however often it is sent. randomUUID
// exists only where TLS is.
export function newKey() {
	return Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('');
}

// command sends a command, whose body may be a form with a file. version is the one that was seen;
// key is kept when it is sent again.
export function command(path, { body = {}, version, key = newKey() } = {}) {
	const form = body instanceof FormData;
	const headers = { 'Idempotency-Key': key, ...(!form && { 'Content-Type': 'application/json' }), ...(version && { 'If-Match': `"${version}"` }) };
	return ask(path, { method: 'POST', headers, body: form ? body : JSON.stringify(body), ...(form && { timeout: 600000 }) });
}

// Times in milliseconds: between two polls, without a sign of life of a stream until it counts as
// dead, and the longest wait for the next stream.
const pollTime = 2000;
const silence = 25000;
const maxDelay = 60000;

// How many plans a stream can have.
const maxPlans = 16;

// Line is the stream that the tabs of a browser share, because a browser has few connections to a
// server: the tab that holds a lock reads it, and tells the others. Where there are no locks, which
// need TLS, each tab has a stream of its own. A hidden tab has none.
class Line {
	constructor() {
		Object.assign(this, { tab: newKey(), actor: '', watches: new Set(), wants: new Map(), read: '' });
		document.addEventListener('visibilitychange', () => this.turn());
	}

	// as is told who is signed in. Only the tabs of one actor at one prefix share a stream.
	as(actor) {
		if (actor === this.actor) return;
		this.rest();
		this.actor = actor;
		this.turn();
	}

	// turn follows what this tab shows.
	turn() {
		if (document.hidden || !this.watches.size) this.rest();
		else if (this.active) this.want();
		else this.begin();
	}

	begin() {
		const active = this.active = new AbortController();
		this.delay = 1000;
		if (!navigator.locks) {
			this.lead();
			return;
		}
		const name = `cutover ${location.pathname} ${this.actor}`;
		this.channel = new BroadcastChannel(name);
		this.channel.onmessage = e => this.hear(e.data);
		this.want();
		navigator.locks.request(name, { signal: active.signal }, () => active.signal.aborted || new Promise(release => {
			this.release = release;
			this.lead();
		})).catch(() => { /* left before its turn */ });
	}

	rest() {
		if (!this.active) return;
		this.active.abort();
		this.channel?.postMessage({ tab: this.tab });
		this.channel?.close();
		this.release?.();
		this.drop();
		this.wants.clear();
		Object.assign(this, { active: null, channel: null, release: null, leads: false, read: '' });
		this.pass({});
	}

	lead() {
		this.leads = true;
		this.channel?.postMessage({ who: true });
		this.want();
	}

	// want says what this tab shows.
	want() {
		const watches = [...this.watches];
		const want = { plans: Object.assign({}, ...watches.map(watch => watch.positions)), list: watches.some(watch => watch.list) };
		const message = { tab: this.tab, want };
		this.channel?.postMessage(message);
		this.hear(message);
	}

	// hear takes what a tab says: what it shows, or nothing any more; a question for that by a new
	// reader; or what was read.
	hear({ tab, want, who, frame }) {
		if (frame) return this.pass(frame);
		if (who) return this.want();
		if (want) this.wants.set(tab, want);
		else this.wants.delete(tab);
		if (!this.leads) return;
		clearTimeout(this.next);
		this.next = setTimeout(() => this.open(), 50); // several answer at once
	}

	// open opens a stream of what the tabs show, this one first, unless there is one already.
	open() {
		const wants = [this.wants.get(this.tab), ...this.wants.values()];
		const plans = [...new Set(wants.flatMap(want => Object.keys(want.plans)))].slice(0, maxPlans);
		const covers = { plans, list: wants.some(want => want.list) };
		if (this.stream && JSON.stringify(covers) === JSON.stringify(this.covers)) {
			if (this.heard) this.tell({ covers });
			return;
		}
		const read = Object.fromEntries(this.read.split(',').map(at => at.split(':')));
		const positions = Object.assign({}, ...wants.map(want => want.plans), read);
		const query = new URLSearchParams(plans.map(id => ['plan', id]));
		if (covers.list) query.set('list', '1');
		if (plans.length) query.set('after', plans.map(id => `${id}:${positions[id]}`).join());
		this.drop();
		this.covers = covers;
		const stream = this.stream = new EventSource('stream?' + query);
		this.listen();
		stream.onerror = () => {
			this.heard = false;
			this.tell({});
			// After any answer but 200 a browser gives a stream up for good.
			if (stream.readyState === EventSource.CLOSED) this.again();
		};
		for (const name of ['ping', 'away', 'events', 'plan', 'list', 'reset']) stream.addEventListener(name, e => {
			this.read = e.lastEventId;
			this.heard = true;
			this.delay = 1000;
			this.tell({ covers, name, text: e.data });
		});
	}

	drop() {
		clearTimeout(this.next);
		clearTimeout(this.silent);
		this.stream?.close();
		this.stream = null;
		this.heard = false;
	}

	// listen counts the stream as dead when it has been silent for long.
	listen() {
		clearTimeout(this.silent);
		this.silent = setTimeout(() => {
			this.pass({});
			if (this.leads) this.again();
		}, silence);
	}

	again() {
		this.drop();
		this.next = setTimeout(() => this.open(), this.delay * (0.75 + Math.random() / 2));
		this.delay = Math.min(2 * this.delay, maxDelay);
	}

	// tell tells all tabs what was read; a frame that covers nothing that there is no stream.
	tell(frame) {
		this.channel?.postMessage({ frame });
		this.pass(frame);
	}

	pass(frame) {
		if (frame.covers) this.listen();
		for (const watch of [...this.watches]) watch.hear(frame);
	}
}

export const line = new Line();

// Watch tells what changes: events and plans of the plans that it is given with the position after
// which it begins, and rows of the list. It hears a stream, and polls while there is none. A hidden
// tab does neither, and catches up when it is seen.
export class Watch {
	constructor({ plans = {}, list = null }, on) {
		Object.assign(this, { positions: { ...plans }, list, on, live: false, closed: false, polling: false });
		this.seen = () => (document.hidden ? clearTimeout(this.nextPoll) : this.poll());
		document.addEventListener('visibilitychange', this.seen);
		line.watches.add(this);
		line.turn();
		if (!document.hidden) this.poll();
	}

	close() {
		this.closed = true;
		document.removeEventListener('visibilitychange', this.seen);
		clearTimeout(this.nextPoll);
		line.watches.delete(this);
		line.turn();
		note({ mode: '' });
	}

	// hear takes what was read of a stream.
	hear({ covers, name, text }) {
		if (!covers || (this.list && !covers.list) || !Object.keys(this.positions).every(id => covers.plans.includes(id))) {
			if (this.live) {
				this.live = false;
				this.pollSoon();
			}
			return;
		}
		const doc = text ? JSON.parse(text, numbers) : {};
		this.alive(doc.away ?? doc.since);
		const id = doc.plan ?? doc.planId;
		if (id && !(id in this.positions)) return;
		switch (name) {
			case 'ping': setClock(Date.parse(doc.now)); break;
			case 'events':
				// The stream of another tab may be ahead of this one.
				if (doc.events[0].seq > this.positions[id] + 1) this.poll();
				else this.take(id, doc.events);
				break;
			case 'plan': this.on.plan?.(doc); break;
			case 'list': if (this.list) this.on.list(doc.plans, doc.removed); break;
			case 'reset': this.on.reset?.();
		}
	}

	// alive notes a sign of life of the stream, which may be that the store is away.
	alive(away) {
		if (!this.live) this.poll(); // what happened in between
		this.live = true;
		if (away) note({ away: 'STORE_UNAVAILABLE' });
		else note({ mode: 'live', away: null, signedOut: false, seen: Date.now() });
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
		if (plan.lastEvent === this.positions[id]) return;
		do { // a restored store says it is behind
			const page = await ask(`plans/${id}/events?after=${this.positions[id]}&limit=1000`);
			if (this.closed || page.events.length === 0) return;
			this.take(id, page.events);
		} while (plan.lastEvent > this.positions[id]);
	}
}

// The tenants of a plan: a matrix with one cell for each, told apart by colour and by pattern, and
// the list of those in a state. Only what is in view is drawn, so their number does not matter.

import { announce, badge, chip, clockTime, dim, h, link, number, Rows, soon, t, taskStates, word } from './ui.js';
import { ask, insist, tried } from './server.js';

// Sizes of a cell in pixels: the largest that lets the matrix fit its height; with the last one it
// scrolls.
const sizes = [24, 20, 16, 14, 12, 10, 9, 8, 7];
const goodHeight = 330;

const colours = new Map();
const dark = matchMedia('(prefers-color-scheme: dark)');
dark.addEventListener('change', () => colours.clear());

export class Matrix {
	constructor({ plan, open }) {
		Object.assign(this, { plan, open, states: new Uint8Array(0), seq: 0, late: null, at: -1, tiles: new Map(), names: new Map(), highlighted: null });
		this.redraw = soon(() => this.closed || this.draw());
		this.canvas = h('canvas', {
			tabindex: 0, hidden: true, role: 'application', 'aria-label': t('tenants'), 'aria-describedby': 'matrix-cell', 'data-key': 'matrix',
			onpointermove: e => this.point(this.cellAt(e)), onpointerleave: () => this.point(-1),
			onclick: e => this.choose(this.cellAt(e)), onkeydown: e => this.key(e),
		});
		this.top = 0;
		const scrolled = () => {
			this.top = this.box.scrollTop;
			this.redraw();
		};
		this.box = h('div.matrix', { onscroll: scrolled }, this.space = h('div.matrix-space'), this.canvas);
		this.cell = h('p', { id: 'matrix-cell', class: 'dim cell' }, t('matrix.hint'));
		this.el = h('div', this.box, this.cell);
		this.resized = new ResizeObserver(() => this.layout());
		this.resized.observe(this.box);
		this.recolour = () => {
			this.tiles.clear();
			this.redraw();
		};
		dark.addEventListener('change', this.recolour);
	}

	close() {
		this.closed = true;
		this.resized.disconnect();
		dark.removeEventListener('change', this.recolour);
	}

	// load reads all states. Events that come meanwhile are applied afterwards: the position in the
	// answer is older than its states.
	async load() {
		if (this.late) return;
		this.late = [];
		const doc = await insist(`plans/${this.plan}/matrix`, () => this.closed);
		const late = this.late;
		this.late = null;
		if (!doc) return;
		const byDigit = doc.legend.map(state => taskStates.indexOf(state));
		this.states = Uint8Array.from(doc.states, digit => byDigit[digit]);
		this.seq = doc.seq;
		this.apply(late);
		this.layout();
	}

	// apply takes events, which have absolute states.
	apply(events) {
		if (this.late) {
			this.late.push(...events);
			return;
		}
		for (const e of events) {
			const i = e.taskId % 1000000 - 1;
			const state = taskStates.indexOf(e.to);
			if (e.taskId && e.seq > this.seq && state >= 0 && i < this.states.length) this.states[i] = state;
		}
		this.redraw();
	}

	// count has the counters of a wave.
	count({ first, last }) {
		const n = taskStates.map(() => 0);
		for (const state of this.states.subarray(first - 1, last)) n[state]++;
		return Object.fromEntries(taskStates.map((state, i) => [state, n[i]]));
	}

	highlight(state) {
		this.highlighted = state;
		this.redraw();
	}

	layout() {
		const width = this.box.clientWidth;
		const n = this.states.length;
		if (!width || this.closed) return;
		const ratio = window.devicePixelRatio || 1;
		if (ratio !== this.ratio) this.tiles.clear();
		this.ratio = ratio;
		const size = sizes.find(size => Math.ceil(n / Math.floor(width / size)) * size <= goodHeight) ?? sizes.at(-1);
		this.size = Math.round(size * ratio) / ratio; // whole pixels of the device
		this.columns = Math.max(1, Math.floor(width / this.size));
		this.lines = Math.ceil(n / this.columns);
		this.space.style.height = `${this.lines * this.size}px`;
		this.height = Math.min(this.lines * this.size, goodHeight);
		this.box.style.height = `${this.height}px`;
		this.canvas.hidden = n === 0; // not read yet
		this.canvas.width = Math.round(this.columns * this.size * ratio);
		this.canvas.height = Math.round(this.height * ratio);
		this.canvas.style.width = `${this.columns * this.size}px`;
		this.canvas.style.height = `${this.height}px`;
		this.redraw();
	}

	// draw draws what is in view, line by line: neighbours in one state at once.
	draw() {
		if (!this.columns) return;
		const { columns, states, top } = this;
		const side = this.size * this.ratio;
		const context = this.canvas.getContext('2d');
		context.setTransform(1, 0, 0, 1, 0, 0);
		context.clearRect(0, 0, this.canvas.width, this.canvas.height);
		const dim = this.highlighted === null ? -1 : taskStates.indexOf(this.highlighted);
		const last = Math.min(states.length, Math.ceil((top + this.height) / this.size) * columns);
		for (let from = Math.floor(top / this.size) * columns, to; from < last; from = to) {
			const state = states[from];
			const line = Math.floor(from / columns);
			const end = Math.min(last, (line + 1) * columns);
			for (to = from + 1; to < end && states[to] === state;) to++;
			context.setTransform(1, 0, 0, 1, 0, Math.round(line * side - top * this.ratio)); // patterns begin where a line does
			context.globalAlpha = dim >= 0 && dim !== state ? 0.2 : 1;
			context.fillStyle = this.pattern(context, state, side);
			context.fillRect(from % columns * side, 0, (to - from) * side, side);
		}
		context.globalAlpha = 1;
		if (this.at < 0) return;
		context.setTransform(1, 0, 0, 1, 0, 0);
		context.strokeStyle = colour('--text');
		context.lineWidth = 2 * this.ratio;
		context.strokeRect(this.at % columns * side, Math.floor(this.at / columns) * side - top * this.ratio, side, side);
	}

	// pattern repeats the cell of a state.
	pattern(context, state, side) {
		const key = `${state} ${side}`;
		if (!this.tiles.has(key)) this.tiles.set(key, context.createPattern(drawTile(taskStates[state], side), 'repeat'));
		return this.tiles.get(key);
	}

	cellAt(e) {
		const box = this.canvas.getBoundingClientRect();
		const column = Math.floor((e.clientX - box.left) / this.size);
		const line = Math.floor((e.clientY - box.top + this.box.scrollTop) / this.size);
		const cell = line * this.columns + column;
		return column >= 0 && column < this.columns && cell >= 0 && cell < this.states.length ? cell : -1;
	}

	point(cell) {
		if (cell === this.at) return;
		this.at = cell;
		this.redraw();
		clearTimeout(this.asking);
		if (cell < 0) {
			this.cell.textContent = t('matrix.hint');
			return;
		}
		const ordinal = cell + 1;
		const state = word('state', taskStates[this.states[cell]]);
		const tell = name => {
			this.cell.textContent = t('matrix.cell', { ordinal, tenant: name, state });
		};
		tell(this.names.get(ordinal) ?? '…');
		if (this.names.has(ordinal)) return;
		this.asking = setTimeout(async () => {
			const task = await tried(ask(`tasks/${this.plan * 1000000 + ordinal}`));
			if (task) this.names.set(ordinal, task.tenantId);
			if (task && this.at === cell) tell(task.tenantId);
		}, 150);
	}

	choose(cell) {
		if (cell >= 0) this.open(cell + 1);
	}

	key(e) {
		const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns };
		if (e.key === 'Enter') this.choose(this.at);
		else if (e.key === 'Home') this.point(0);
		else if (e.key === 'End') this.point(this.states.length - 1);
		else if (steps[e.key]) this.point(Math.min(this.states.length - 1, Math.max(0, this.at < 0 ? 0 : this.at + steps[e.key])));
		else return;
		e.preventDefault();
		const y = Math.floor(this.at / this.columns) * this.size;
		if (y < this.box.scrollTop) this.box.scrollTop = y;
		if (y + this.size > this.box.scrollTop + this.height) this.box.scrollTop = y + this.size - this.height;
		announce(this.cell.textContent);
	}
}

// colour is the colour of a custom property, in the colours in force. To ask for it takes time.
function colour(name) {
	if (!colours.has(name)) {
		const probe = document.getElementById('live');
		probe.style.color = `var(${name})`;
		colours.set(name, getComputedStyle(probe).color);
	}
	return colours.get(name);
}

// The patterns of the states over their colours, on a field of 8 x 8. Those that most cells are in
// have none.
const marks = {
	RUNNING: 'M1 4h6', PAUSED: 'M3 1v6M5 1v6', FAILED: 'M1 1l6 6M7 1L1 7', SKIPPED: 'M2 1l4 3-4 3', CANCELLED: 'M1 7l6-6',
	ROLLING_BACK: 'M6 1L2 4l4 3', ROLLED_BACK: 'M1 1l6 6', ROLLBACK_FAILED: 'M4 1v6M1 4h6',
};

// drawTile draws the cell of a state once; cells are copies of it.
function drawTile(state, side) {
	const tile = document.createElement('canvas');
	tile.width = tile.height = Math.round(side);
	const context = tile.getContext('2d');
	const gap = side > 8 ? Math.max(1, side / 10) : 1;
	const inner = side - gap;
	context.fillStyle = colour('--c-' + state);
	context.fillRect(0, 0, inner, inner);
	if (state === 'PENDING') {
		context.strokeStyle = colour('--line');
		context.strokeRect(0.5, 0.5, inner - 1, inner - 1);
	}
	context.strokeStyle = colour(`--m-${state}, var(--mark)`);
	context.scale(inner / 8, inner / 8);
	context.lineWidth = Math.max(8 / inner, 0.9);
	context.stroke(new Path2D(marks[state]));
	return tile;
}

// legend has a button for each state that tasks of the plan are in: it shows the tasks of that
// state, and dims the others.
export function legend(counters, chosen, choose) {
	return taskStates.filter(state => counters[state] || state === chosen).map(state => {
		const tile = drawTile(state, 16 * (window.devicePixelRatio || 1));
		tile.className = 'tile';
		tile.setAttribute('aria-hidden', 'true');
		const content = [tile, word('state', state), h('b', number(counters[state] ?? 0))];
		return chip('legend-' + state, content, state === chosen, () => choose(state === chosen ? null : state));
	});
}

// Tasks is the list of the tasks in a state.
export class Tasks {
	constructor(plan) {
		Object.assign(this, { plan, state: null, tasks: [], next: null, loading: false });
		this.rows = new Rows({ key: task => task.taskId, render: taskRow, empty: () => t(this.loading ? 'loading' : 'none'), more: () => this.load() });
		this.el = this.rows.el;
		this.el.hidden = true;
	}

	close() {
		this.closed = true;
		clearTimeout(this.again);
		this.rows.close();
	}

	choose(state) {
		Object.assign(this, { state, tasks: [], next: '' });
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
				Object.assign(this, { again: null, tasks: [], next: '' });
				this.load();
			}, 1000);
		}
	}
}

const taskRow = task => link({ plan: task.planId, task: task.taskId }, { class: 'task-row' },
	badge(task.state), h('span.name.tenant', task.tenantId),
	dim(task.failureInfo ? task.failureInfo.errorCode : task.worker ?? ''),
	dim(task.updatedAt && clockTime(task.updatedAt)));

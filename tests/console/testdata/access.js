// The rules that a page must keep, besides those of the accessibility tree: contrast, the size of
// targets, names, references, headings, lists, landmarks, and that scrolling works by keyboard. The
// value is a list of faults.
(() => {
	const faults = [];
	const about = el => `<${el.tagName.toLowerCase()} class="${el.getAttribute('class') ?? ''}" ${el.dataset?.key ?? ''}> ${(el.innerText ?? '').slice(0, 40)}`;
	const fault = (what, el) => faults.push(`${what}: ${about(el)}`);
	const all = selector => [...document.querySelectorAll(selector)];
	const box = el => el.getBoundingClientRect();
	const unseen = el => el.closest('.unseen, .skip') || !el.checkVisibility({ visibilityProperty: true }) || box(el).width === 0;

	// Colours are compared as WCAG 2 says; opacity is that of the element and those around it.
	const parse = text => (text.match(/[\d.]+/g) ?? []).map(Number);
	const over = ([r, g, b, a = 1], below) => [r, g, b].map((x, i) => x * a + below[i] * (1 - a));
	const ground = el => {
		const layers = [];
		for (let at = el; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
		return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
	};
	const opacity = el => (el ? Number(getComputedStyle(el).opacity) * opacity(el.parentElement) : 1);
	const light = rgb => rgb.map(x => x / 255).map(x => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)).reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
	const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node = texts.nextNode(); node; node = texts.nextNode()) {
		const el = node.parentElement;
		if (!node.data.trim() || unseen(el) || el.closest(':disabled, noscript, script, option, datalist')) continue;
		const style = getComputedStyle(el);
		const below = ground(el);
		const colour = over([...parse(style.color).slice(0, 3), (parse(style.color)[3] ?? 1) * opacity(el)], below);
		const size = parseFloat(style.fontSize);
		const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
		const ratio = contrast(colour, below);
		if (ratio < (large ? 3 : 4.5)) fault(`contrast of ${ratio.toFixed(2)}`, el);
	}

	for (const el of all('a[href], button, input, select, textarea, summary, [tabindex="0"]')) {
		if (unseen(el)) continue;
		const target = el.matches('[type=checkbox], [type=radio]') ? el.closest('label') : el; // its label can be pressed, too
		if (box(target).width < 24 || box(target).height < 24) fault(`a target of ${box(target).width.toFixed()} x ${box(target).height.toFixed()}`, el);
	}

	const ids = all('[id]').map(el => el.id);
	for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) faults.push(`the id ${id} is there twice`);
	for (const name of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for', 'list']) {
		for (const el of all(`[${name}]`)) for (const id of el.getAttribute(name).split(' ')) if (!ids.includes(id)) fault(`${name} names ${id}, which is not there`, el);
	}
	for (const el of all('[aria-hidden=true] a, [aria-hidden=true] button')) fault('a hidden element can have the focus', el);
	for (const el of all('[tabindex]')) if (el.tabIndex > 0) fault('an order of its own', el);
	for (const el of all('li')) if (!['UL', 'OL'].includes(el.parentElement.tagName)) fault('an entry of no list', el);
	for (const el of all('dt, dd')) if (!el.closest('dl')) fault('a term of no list', el);
	for (const el of all('[role=listitem]')) if (el.parentElement.getAttribute('role') !== 'list') fault('an entry of no list', el);
	for (const el of all('[role=list]')) if (!el.childElementCount && !unseen(el)) fault('a list of nothing', el);

	if (!document.documentElement.lang || !document.title) faults.push('a page without language or title');
	if (all('h1').length !== 1 || all('main').length !== 1 || all('header').length !== 1) faults.push('not one heading, main part and header');
	let level = 0;
	for (const el of all('main h1, main h2, main h3, main h4')) {
		if (unseen(el)) continue;
		const own = Number(el.tagName[1]);
		if (own > level + 1) fault(`a heading of level ${own} after ${level}`, el);
		level = own;
	}
	const regions = all('section[aria-label], [role=region], [role=group]').filter(el => !unseen(el)).map(el => el.getAttribute('aria-label'));
	if (regions.some(name => !name)) faults.push('a group without a name');

	for (const el of all('*')) {
		const scrolls = /auto|scroll/.test(getComputedStyle(el).overflowY) && el.scrollHeight > el.clientHeight + 1 && el.clientHeight > 0;
		if (scrolls && !unseen(el) && el !== document.scrollingElement && el.tabIndex < 0 && !el.querySelector('a[href], button, input, [tabindex="0"]')) fault('cannot be scrolled by keyboard', el);
	}
	if (document.documentElement.scrollWidth > innerWidth) faults.push(`${document.documentElement.scrollWidth} pixels wide`);
	return faults;
})()

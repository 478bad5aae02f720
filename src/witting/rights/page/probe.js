// What is on the screen: runs in an isolated world of the page, which neither sees it nor can change what it uses.
// collect() reads every control a person could use; layer(i) the part of the page that control i belongs to;
// point(i) brings it into view and says where to click; pulse() is a cheap mark of change; stored() what is kept.
(() => {
  if (globalThis.witting) return;
  const NODES_MAX = 8000, CONTROLS_MAX = 250, TEXT_CHARS_MAX = 60000, COLOUR_LAYERS_MAX = 40;
  const SELECTOR = 'a[href],button,summary,input:not([type=hidden]),select,textarea,[role=button],[role=link],' +
    '[role=checkbox],[role=switch],[role=radio],[role=tab],[role=menuitem],[role=menuitemcheckbox],[onclick]';
  const FIELDS = new Set(['text', 'email', 'password', 'tel', 'search', 'url', 'number', 'date']);
  let kept = [], roots = [];

  function* everything(root, frame) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
    let count = 0;
    for (let el = walker.nextNode(); el && count < NODES_MAX; el = walker.nextNode(), count++) {
      yield [el, frame];
      if (el.shadowRoot) {
        roots.push(el.shadowRoot);
        yield* everything(el.shadowRoot, frame);
      }
      if (el.tagName === 'IFRAME') {
        let inside = null;
        try { inside = el.contentDocument; } catch { inside = null; }
        if (inside && inside.body) {
          roots.push(inside);
          yield* everything(inside.body, el);
        }
      }
    }
  }
  const offset = frame => {
    if (!frame) return { x: 0, y: 0 };
    const r = frame.getBoundingClientRect();
    return { x: r.x + frame.clientLeft, y: r.y + frame.clientTop };
  };
  const style = el => el.ownerDocument.defaultView.getComputedStyle(el);
  // One step out: out of a shadow root to its host, out of a frame of the same origin to the frame.
  function parent(el) {
    if (el.parentElement) return el.parentElement;
    const root = el.getRootNode();
    return root.host || (root !== document && root.defaultView ? root.defaultView.frameElement : null);
  }
  function shown(el) {
    if (el.checkVisibility && !el.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
    const r = el.getBoundingClientRect();
    return r.width >= 2 && r.height >= 2 && r.right > 0 && r.left < document.documentElement.scrollWidth + 1 &&
      r.bottom + scrollY > 0;
  }
  // A native box is often hidden behind a drawn one: then its label is what people see and press.
  function face(el) {
    if (shown(el)) return el;
    const labels = el.labels ? [...el.labels] : [];
    return labels.find(shown) || null;
  }
  const clean = text => (text || '').replace(/\s+/g, ' ').trim();
  function byIds(el, ids) {
    return clean((ids || '').split(/\s+/).map(id => el.getRootNode().getElementById?.(id)?.innerText || '').join(' '));
  }
  // What a person reads comes before what a screen reader would say.
  function name(el) {
    const own = clean(el.innerText);
    const toggle = /^(checkbox|radio)$/.test(el.type) || /checkbox|switch|radio/.test(el.getAttribute('role') || '');
    const label = el.labels && el.labels.length ? clean([...el.labels].map(l => l.innerText).join(' ')) : '';
    if (toggle) {
      return label || own || byIds(el, el.getAttribute('aria-labelledby')) || el.getAttribute('aria-label') ||
        clean(el.closest('label,li,tr,p,fieldset,div')?.innerText).slice(0, 300) || el.title;
    }
    return own || (el.tagName === 'INPUT' && /submit|button|reset/.test(el.type) ? el.value : '') || label ||
      byIds(el, el.getAttribute('aria-labelledby')) || el.getAttribute('aria-label') || el.alt || el.title ||
      clean([...el.querySelectorAll('img[alt],svg title')].map(i => i.alt || i.textContent).join(' '));
  }
  function role(el) {
    const said = (el.getAttribute('role') || '').split(' ')[0];
    if (said) return said === 'menuitemcheckbox' ? 'checkbox' : said;
    const tag = el.tagName;
    if (tag === 'A') return 'link';
    if (tag === 'INPUT') {
      if (el.type === 'checkbox' || el.type === 'radio') return el.type;
      return FIELDS.has(el.type) ? 'field' : 'button';
    }
    if (tag === 'SELECT' || tag === 'TEXTAREA') return 'field';
    return 'button';
  }
  function checked(el) {
    if (el.type === 'checkbox' || el.type === 'radio') return el.checked;
    const said = el.getAttribute('aria-checked') || (role(el) === 'switch' ? el.getAttribute('aria-pressed') : null);
    return said === null ? null : said === 'true';
  }
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d',
    { willReadFrequently: true });
  const colours = new Map();
  function rgba(css) {  // the browser itself turns oklch(), color-mix() and names into bytes
    if (!colours.has(css)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = css;
      canvas.fillRect(0, 0, 1, 1);
      const d = canvas.getImageData(0, 0, 1, 1).data;
      colours.set(css, [d[0], d[1], d[2], d[3] / 255]);
    }
    return colours.get(css);
  }
  const over = (top, alpha, below) => [0, 1, 2].map(i => top[i] * alpha + below[i] * (1 - alpha));
  // Colours from an element down to what is opaque; null where a picture or gradient lies in between.
  function ground(el) {
    const layers = [];
    for (let at = el, n = 0; at && n < COLOUR_LAYERS_MAX; at = parent(at), n++) {
      const s = style(at);
      if (s.backgroundImage !== 'none') return null;
      const c = rgba(s.backgroundColor);
      if (c[3] > 0) layers.push(c);
      if (c[3] > 0.99) break;
    }
    return layers.reverse().reduce((below, c) => over(c, c[3], below), [255, 255, 255]);
  }
  function opacity(el) {
    let all = 1;
    for (let at = el; at; at = parent(at)) all *= parseFloat(style(at).opacity);
    return all;
  }
  function looks(el) {
    const s = style(el), up = parent(el);
    const around = up ? ground(up) : [255, 255, 255];
    const fade = opacity(el);
    const own = ground(el);
    const fill = own && around ? over(own, fade, around) : null;
    const ink = rgba(s.webkitTextFillColor || s.color);
    const range = el.ownerDocument.createRange();
    range.selectNodeContents(el);
    const t = range.getBoundingClientRect();
    const picture = s.backgroundImage !== 'none' || Boolean(el.querySelector('img,svg,canvas,picture'));
    return {
      picture, ink: fill && clean(el.innerText || el.value) ? over(ink, ink[3] * fade, fill) : null, fill, around, font: parseFloat(s.fontSize),
      weight: parseInt(s.fontWeight) || 400, text_width: t.width, moving: s.animationName !== 'none',
    };
  }
  function belongs(el, hit) {
    for (let at = hit; at; at = parent(at)) if (at === el) return true;
    return el.contains(hit) || (el.labels && [...el.labels].some(l => l.contains(hit))) ||
      (hit.closest && hit.closest('label')?.control === el);
  }
  function covered(el, frame) {
    const r = el.getClientRects()[0] || el.getBoundingClientRect();
    const w = el.ownerDocument.defaultView;
    for (const [fx, fy] of [[0.5, 0.5], [0.15, 0.5], [0.85, 0.5]]) {
      const x = r.x + r.width * fx, y = r.y + r.height * fy;
      if (x < 0 || y < 0 || x >= w.innerWidth || y >= w.innerHeight) continue;
      const hit = el.getRootNode().elementFromPoint?.(x, y);
      if (hit && belongs(el, hit)) return false;
    }
    const inside = r.bottom > 0 && r.top < w.innerHeight && r.right > 0 && r.left < w.innerWidth;
    if (inside) return true;
    const front = document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest('dialog,[aria-modal=true]');
    return Boolean(front && !front.contains(el) && (front.matches(':modal') || front.ariaModal === 'true'));
  }
  const DIALOG = 'dialog[open],[role=dialog],[role=alertdialog],[aria-modal=true]';
  function layerOf(el) {
    const dialog = el.closest(DIALOG);
    if (dialog) return ['dialog', dialog];
    let fixed = null;
    for (let at = el; at && at !== document.body; at = parent(at)) {
      if (/fixed|sticky/.test(style(at).position) && !/^(NAV|HEADER)$/.test(at.tagName)) fixed = at;
      if (at.matches?.(DIALOG)) return ['dialog', at];
    }
    if (fixed) {
      const r = fixed.getBoundingClientRect();
      return [r.width * r.height > 0.8 * innerWidth * innerHeight ? 'dialog' : 'fixed', fixed];
    }
    return ['page', section(el)];
  }
  const size = text => clean(text).split(' ').filter(Boolean).length +
    (text.match(/[\u3040-\u30ff\u3400-\u9fff]/g) || []).length / 2;
  function section(el) {
    let at = el;
    while (parent(at) && at !== document.body && size(at.innerText || '') < 25) at = parent(at);
    const whole = at.closest('form,section,article,main,[role=main],[role=region]');
    return whole && size(whole.innerText) <= 4 * size(at.innerText) + 40 ? whole : at;
  }

  // What innerText of the page leaves out: shadow roots and frames.
  const whole = () => [document.body?.innerText || '',
    ...roots.flatMap(root => [...root.children].map(child => child.innerText || ''))].join('\n').trim();

  function collect() {
    kept = [];
    roots = [];
    const out = [];
    let foreign = 0;
    const pointer = new Set();
    for (const [el, frame] of everything(document.documentElement, null)) {
      if (el.tagName === 'IFRAME') {
        let open = null;
        try { open = el.contentDocument; } catch { open = null; }
        if (!open && shown(el)) foreign++;
      }
      let use = el.matches(SELECTOR);
      if (!use && el.children.length < 4 && clean(el.textContent).length < 120 && clean(el.textContent)) {
        const p = parent(el);
        use = style(el).cursor === 'pointer' && !el.closest(SELECTOR + ',label') && !(p && pointer.has(p));
        if (style(el).cursor === 'pointer') pointer.add(el);
      }
      if (!use || out.length >= CONTROLS_MAX) continue;
      const seen = face(el);
      if (!seen || covered(seen, frame)) continue;
      const r = seen.getBoundingClientRect(), o = offset(frame);
      kept.push({ el, seen, frame });
      out.push({
        i: kept.length - 1, tag: el.tagName.toLowerCase(), role: role(el), name: clean(name(el)).slice(0, 400),
        type: el.type || '', href: el.tagName === 'A' ? el.href : '', target: el.target || '', checked: checked(el),
        required: Boolean(el.required), group: el.type === 'radio' ? el.name : '',
        disabled: Boolean(el.disabled) || el.getAttribute('aria-disabled') === 'true' || el.inert === true,
        x: r.x + o.x, y: r.y + o.y + scrollY, width: r.width, height: r.height, kind: layerOf(el)[0], ...looks(seen),
      });
    }
    return {
      url: location.href, title: document.title, html_lang: document.documentElement.lang || '',
      text: whole().slice(0, TEXT_CHARS_MAX), controls: out, foreign_frames: foreign,
      viewport: [innerWidth, innerHeight], height: document.documentElement.scrollHeight,
      version: document.querySelector('[data-notice-version]')?.dataset.noticeVersion || '',
      moving: [...document.querySelectorAll('video')].filter(v => shown(v) && v.autoplay).length +
        document.getAnimations().filter(a => a.playState === 'running' &&
          a.effect?.getComputedTiming().iterations === Infinity).length,
    };
  }
  function layer(i) {
    const [kind, found] = layerOf(kept[i].el);
    const el = found.tagName === 'IFRAME' && found.contentDocument ? found.contentDocument.body : found;
    const r = el.getBoundingClientRect();
    const corners = [[2, 2], [innerWidth - 3, 2], [2, innerHeight - 3], [innerWidth - 3, innerHeight - 3]];
    const held = corners.filter(([x, y]) => {
      const hit = document.elementFromPoint(x, y);
      if (!hit || el.contains(hit)) return Boolean(hit);
      const h = hit.getBoundingClientRect();
      return style(hit).position === 'fixed' && h.width >= innerWidth * 0.95 && h.height >= innerHeight * 0.95;
    }).length;
    const inside = x => { for (let at = x; at; at = parent(at)) if (at === el) return true; return false; };
    return {
      kind, modal: el.matches(':modal') || el.ariaModal === 'true' || (kind !== 'page' && held === 4),
      x: r.x, y: r.y + scrollY, width: r.width, height: r.height,
      text: (el.innerText || '').slice(0, TEXT_CHARS_MAX), lang: el.closest('[lang]')?.lang || '',
      headings: [...el.querySelectorAll('h1,h2,h3,h4,h5,h6,[role=heading],legend,strong,summary')].filter(shown)
        .map(h => clean(h.innerText)),
      fields: [...el.querySelectorAll('input')].filter(f => FIELDS.has(f.type) && shown(f)).map(f => f.type),
      members: kept.map((k, n) => [k, n]).filter(([k]) => inside(k.el)).map(([, n]) => n),
    };
  }
  function point(i) {
    const { el, seen, frame } = kept[i];
    if (!seen.isConnected) return null;
    seen.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    const r = seen.getClientRects()[0] || seen.getBoundingClientRect(), o = offset(frame);
    const x = seen.tagName === 'LABEL' && seen !== el ? r.x + Math.min(8, r.width / 2) : r.x + r.width / 2;
    return [x + o.x, r.y + r.height / 2 + o.y];
  }
  function pulse() {
    const text = whole();
    let h = 0;
    for (let i = 0; i < text.length; i++) h = (h * 31 + text.charCodeAt(i)) | 0;
    const marks = [...document.querySelectorAll('input,[aria-checked],[aria-pressed],[aria-expanded]')]
      .map(e => `${e.checked}${e.ariaChecked}${e.ariaPressed}${e.ariaExpanded}${e.disabled}`).join();
    return `${location.href}|${document.readyState}|${h}|${marks}|${document.querySelectorAll('dialog[open]').length}`;
  }
  function stored() {
    const read = store => { try { return Object.entries(store()).sort(); } catch { return []; } };
    return JSON.stringify([read(() => localStorage), read(() => sessionStorage)]);
  }
  const target = id => Boolean(id === '' || id === 'top' || document.getElementById(decodeURIComponent(id)) ||
    document.getElementsByName(decodeURIComponent(id)).length);
  const text = () => whole().slice(0, TEXT_CHARS_MAX);
  globalThis.witting = { collect, layer, point, pulse, stored, target, text };
})();

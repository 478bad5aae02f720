// Keeps the answer in this browser and tells the page around it: listen to 'notice-answer' on window.
// Without scripts the dialog and the full notice stand open, and no answer is taken for a yes.
const ask = document.getElementById('ask'), more = document.getElementById('more');
const full = document.getElementById('full'), below = document.getElementById('below');
const key = 'notice:' + ask.dataset.noticeSha256;
let held = null;  // where a browser keeps nothing, the answer holds until the page is left
const read = () => { try { return localStorage.getItem(key); } catch { return held; } };
function keep(answer) {
  held = answer;
  try { localStorage.setItem(key, answer); } catch { /* held is all there is */ }
}
function unfold(open) {
  full.hidden = !open;
  more.setAttribute('aria-expanded', String(open));
}
function show(asking) {
  const said = read();
  for (const part of document.querySelectorAll('[data-when]')) {
    part.hidden = asking || !part.dataset.when.split(' ').includes(said || 'open');
  }
  if (ask.open) ask.close();
  if (asking) {
    ask.querySelector('.answers').before(full);
    unfold(false);
    ask.showModal();
  } else {
    below.append(full);
    unfold(true);
  }
}
function tell(answer) {
  const detail = {
    answer, notice_sha256: ask.dataset.noticeSha256, notice_version: ask.dataset.noticeVersion,
    lang: document.documentElement.lang, at: new Date().toISOString(),
  };
  window.dispatchEvent(new CustomEvent('notice-answer', { detail }));
}
function answer(said) {
  keep(said);
  show(false);
  tell(said);
}
for (const button of document.querySelectorAll('[data-say]')) button.addEventListener('click', () => answer(button.dataset.say));
function later() {
  show(false);
  tell('later');
}
document.querySelector('[data-later]').addEventListener('click', later);
ask.addEventListener('cancel', event => { event.preventDefault(); later(); });
document.querySelector('[data-again]').addEventListener('click', () => show(true));
more.addEventListener('click', () => {
  unfold(full.hidden);
  if (full.hidden) return;
  full.scrollIntoView({ block: 'start' });  // on a phone it would unfold below the answers, unseen
  full.focus({ preventScroll: true });
});
show(!read());

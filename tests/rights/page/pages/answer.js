// Shared by the invented pages: keeps an answer in localStorage and shows what belongs to it.
const root = document.documentElement;
function show() {
  const said = localStorage.getItem('consent');
  for (const el of document.querySelectorAll('[data-when]')) el.hidden = !el.dataset.when.split(' ').includes(said || 'open');
  const dialog = document.querySelector('dialog[data-ask]');
  if (dialog) {
    if (!said && !dialog.open) dialog.showModal();
    if (said && dialog.open) dialog.close();
  }
}
document.addEventListener('click', event => {
  const el = event.target.closest('[data-say],[data-open],[data-back]');
  if (!el) return;
  if (el.dataset.say) {
    if (el.dataset.say === 'open') localStorage.removeItem('consent');
    else localStorage.setItem('consent', el.dataset.say);
    show();
  }
  for (const id of (el.dataset.open || '').split(' ').filter(Boolean)) document.getElementById(id).hidden = false;
  for (const id of (el.dataset.back || '').split(' ').filter(Boolean)) document.getElementById(id).hidden = true;
});
addEventListener('DOMContentLoaded', show);

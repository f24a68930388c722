// Preact moves elements with Element.moveBefore where there is one. Chromium (seen in 156) then forgets to restyle what is
// inside an element whose class changed in the same turn: a person who is overdue went on looking well. So elements are moved
// the old way, which restyles them; what the old way loses, the focus, is put back here.

export function moveTheOldWay(): void {
  Reflect.deleteProperty(Element.prototype, 'moveBefore');
  document.addEventListener('focusin', (e) => {
    last = e.target instanceof HTMLElement ? e.target : null;
  });
  document.addEventListener('pointerdown', () => {
    last = null;
  });
}

let last: HTMLElement | null = null;

// keepFocus is called after lists were drawn: the element that had the focus has it again if it was only moved.
export function keepFocus(): void {
  if (last?.isConnected && document.activeElement === document.body) last.focus({ preventScroll: true });
}

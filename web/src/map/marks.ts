// The marks on the map, drawn once for each palette. Shape carries the meaning, colour repeats it: solid disc, ring,
// hollow circle for the age of a position; octagon, triangle, diamond for the priority of an alarm.
import type { Palette } from './style.ts';

const scale = 2;

function draw(size: number, paint: (g: CanvasRenderingContext2D) => void): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = size * scale;
  canvas.height = size * scale;
  const g = canvas.getContext('2d');
  if (!g) return new ImageData(size * scale, size * scale);
  g.scale(scale, scale);
  g.translate(size / 2, size / 2);
  g.lineJoin = 'round';
  g.lineCap = 'round';
  paint(g);
  return g.getImageData(0, 0, size * scale, size * scale);
}

function circle(g: CanvasRenderingContext2D, r: number): void {
  g.beginPath();
  g.arc(0, 0, r, 0, 2 * Math.PI);
}

function polygon(g: CanvasRenderingContext2D, points: readonly (readonly [number, number])[]): void {
  g.beginPath();
  for (const [x, y] of points) g.lineTo(x, y);
  g.closePath();
}

const k = 6.2;
const shapes: Record<1 | 2 | 3, readonly (readonly [number, number])[]> = {
  1: [
    [-k, -15],
    [k, -15],
    [15, -k],
    [15, k],
    [k, 15],
    [-k, 15],
    [-15, k],
    [-15, -k],
  ],
  2: [
    [0, -15],
    [16, 13],
    [-16, 13],
  ],
  3: [
    [0, -14],
    [14, 0],
    [0, 14],
    [-14, 0],
  ],
};

export function marks(c: Palette): Record<string, ImageData> {
  const images: Record<string, ImageData> = {};
  for (const [name, colour] of [
    ['mark', c.mark],
    ['quiet', c.quiet],
    ['dark', c.text],
  ] as const) {
    images[`solid-${name}`] = draw(20, (g) => {
      circle(g, 7);
      g.fillStyle = colour;
      g.fill();
      g.lineWidth = 2;
      g.strokeStyle = c.halo;
      g.stroke();
    });
    images[`ring-${name}`] = draw(20, (g) => {
      circle(g, 7.5);
      g.fillStyle = c.halo;
      g.fill();
      circle(g, 5.4);
      g.lineWidth = 3.4;
      g.strokeStyle = colour;
      g.stroke();
    });
    images[`hollow-${name}`] = draw(20, (g) => {
      circle(g, 6);
      g.lineWidth = 4;
      g.strokeStyle = c.halo;
      g.stroke();
      g.lineWidth = 1.6;
      g.strokeStyle = colour;
      g.stroke();
    });
  }
  images['lost'] = draw(24, (g) => {
    circle(g, 8);
    g.fillStyle = c.halo;
    g.fill();
    g.lineWidth = 2.2;
    g.strokeStyle = c.text;
    g.stroke();
    g.beginPath();
    g.moveTo(-5.6, 5.6);
    g.lineTo(5.6, -5.6);
    g.stroke();
  });
  for (const p of [1, 2, 3] as const) {
    images[`open-${p}`] = draw(44, (g) => {
      polygon(g, shapes[p]);
      g.lineWidth = 6;
      g.strokeStyle = c.halo;
      g.stroke();
      g.fillStyle = p === 3 ? c.text : c.danger;
      g.fill();
      bang(g, p === 2 ? 3 : 0, c.halo);
    });
    images[`taken-${p}`] = draw(44, (g) => {
      polygon(g, shapes[p]);
      g.lineWidth = 6;
      g.strokeStyle = c.text;
      g.stroke();
      g.fillStyle = c.halo;
      g.fill();
      bang(g, p === 2 ? 3 : 0, c.text);
    });
  }
  return images;
}

function bang(g: CanvasRenderingContext2D, y: number, colour: string): void {
  g.strokeStyle = colour;
  g.lineWidth = 3.4;
  g.beginPath();
  g.moveTo(0, y - 7);
  g.lineTo(0, y + 1.5);
  g.moveTo(0, y + 7);
  g.lineTo(0, y + 7.1);
  g.stroke();
}

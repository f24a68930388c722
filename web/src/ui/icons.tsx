// Shapes say what colours say, so that nobody needs the colours.
import type { ComponentChildren } from 'preact';
import type { Freshness, Standing } from '../state/people.ts';

function Icon(p: { children: ComponentChildren; class?: string; size?: number }) {
  const size = p.size ?? 20;
  return (
    <svg
      class={`icon ${p.class ?? ''}`}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      {p.children}
    </svg>
  );
}

const stroke = {
  fill: 'none',
  stroke: 'currentColor',
  'stroke-width': 2,
  'stroke-linecap': 'round',
  'stroke-linejoin': 'round',
} as const;

// Priority: octagon, triangle, diamond.
export function PriorityIcon(p: { priority: number; size?: number }) {
  const size = p.size ?? 24;
  if (p.priority <= 1) {
    return (
      <Icon size={size} class="p1">
        <path fill="currentColor" d="M8 1.8h8L22.2 8v8L16 22.2H8L1.8 16V8z" />
        <path class="cut" d="M12 6.5v7.2M12 17.4v.1" fill="none" stroke-width="2.8" stroke-linecap="round" />
      </Icon>
    );
  }
  if (p.priority === 2) {
    return (
      <Icon size={size} class="p2">
        <path fill="currentColor" d="M12 2.2 23 21.4H1z" />
        <path class="cut" d="M12 9.2v5.4M12 18v.1" fill="none" stroke-width="2.6" stroke-linecap="round" />
      </Icon>
    );
  }
  return (
    <Icon size={size} class="p3">
      <path {...stroke} d="M12 2.5 21.5 12 12 21.5 2.5 12z" />
      <path {...stroke} d="M12 8v5M12 16v.1" />
    </Icon>
  );
}

export function CalmIcon(p: { size?: number }) {
  return (
    <Icon size={p.size ?? 28} class="calm">
      <circle {...stroke} cx="12" cy="12" r="9.5" />
      <path {...stroke} d="m7.5 12.4 3 3 6-6.4" />
    </Icon>
  );
}

export function UnknownIcon(p: { size?: number }) {
  return (
    <Icon size={p.size ?? 28} class="unknown">
      <circle {...stroke} cx="12" cy="12" r="9.5" stroke-dasharray="3.2 3.2" />
      <path {...stroke} d="M9.4 9.4a2.7 2.7 0 1 1 3.9 2.5c-.9.5-1.3 1-1.3 1.9M12 17v.1" />
    </Icon>
  );
}

export function HandIcon(p: { size?: number }) {
  return (
    <Icon size={p.size ?? 28} class="hand">
      <path
        {...stroke}
        d="M4 20v-1.6A4.4 4.4 0 0 1 8.4 14h3.2a4.4 4.4 0 0 1 4.4 4.4V20M10 10.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M15.5 9.5l2.2 2.2 4-4.2"
      />
    </Icon>
  );
}

// Standing: octagon in alarm, broken circle lost, clock late, disc well, crescent off, dotted circle never heard.
export function StandingIcon(p: { standing: Standing; fresh: Freshness }) {
  switch (p.standing) {
    case 'alarm':
      return <PriorityIcon priority={1} size={20} />;
    case 'lost':
      return (
        <Icon class="lost">
          <circle {...stroke} cx="12" cy="12" r="8.5" />
          <path {...stroke} d="m5.5 18.5 13-13" />
        </Icon>
      );
    case 'late':
      return (
        <Icon class="late">
          <circle {...stroke} cx="12" cy="12" r="8.5" />
          <path {...stroke} d="M12 7v5.2l3 2" />
        </Icon>
      );
    case 'well':
      return (
        <Icon class="well">
          {p.fresh === 'solid' && <circle cx="12" cy="12" r="6.5" fill="currentColor" />}
          {p.fresh === 'ring' && <circle cx="12" cy="12" r="5" fill="none" stroke="currentColor" stroke-width="4" />}
          {(p.fresh === 'hollow' || p.fresh === 'none') && (
            <circle cx="12" cy="12" r="6" fill="none" stroke="currentColor" stroke-width="1.8" />
          )}
        </Icon>
      );
    case 'off':
      return (
        <Icon class="off">
          <path {...stroke} d="M18.5 14.6A7.6 7.6 0 0 1 9.4 5.5a7.6 7.6 0 1 0 9.1 9.1z" />
        </Icon>
      );
    case 'never':
      return (
        <Icon class="never">
          <circle {...stroke} cx="12" cy="12" r="7.5" stroke-dasharray="1 4.2" />
        </Icon>
      );
    default:
      p.standing satisfies never;
      return null;
  }
}

export function BatteryIcon(p: { percent: number; charging: boolean }) {
  const width = Math.max(1.2, (p.percent / 100) * 13);
  return (
    <Icon class={p.percent <= 15 && !p.charging ? 'battery low' : 'battery'} size={22}>
      <rect {...stroke} stroke-width="1.6" x="2" y="7" width="17" height="10" rx="2" />
      <path {...stroke} stroke-width="1.8" d="M21.6 10.6v2.8" />
      {p.charging ? (
        <path fill="currentColor" d="m11.8 7.8-4.6 4.8h3l-1 3.6 4.6-4.8h-3z" />
      ) : (
        <rect x="4" y="9" width={width} height="6" rx="0.8" fill="currentColor" />
      )}
    </Icon>
  );
}

const paths = {
  phone:
    'M5 3.5h3.6l1.7 4.4-2.2 1.6a12 12 0 0 0 6.4 6.4l1.6-2.2 4.4 1.7V19a1.8 1.8 0 0 1-1.9 1.8C10.4 20.3 3.7 13.6 3.2 5.4A1.8 1.8 0 0 1 5 3.5z',
  pin: 'M12 21.5s7-6.3 7-11.7a7 7 0 1 0-14 0c0 5.4 7 11.7 7 11.7zM12 12.3a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  search: 'M10.5 17.5a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20.5 20.5l-5-5',
  close: 'M5.5 5.5l13 13M18.5 5.5l-13 13',
  sun: 'M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12 1.8v2M12 20.2v2M1.8 12h2M20.2 12h2M4.8 4.8l1.4 1.4M17.8 17.8l1.4 1.4M4.8 19.2l1.4-1.4M17.8 6.2l1.4-1.4',
  moon: 'M20 14.6A8.4 8.4 0 0 1 9.4 4a8.4 8.4 0 1 0 10.6 10.6z',
  sound: 'M4 9.5v5h3.6l5 4.3V5.2l-5 4.3zM16.2 8.6a5 5 0 0 1 0 6.8M19 5.8a9 9 0 0 1 0 12.4',
  mute: 'M4 9.5v5h3.6l5 4.3V5.2l-5 4.3zM16.5 9.5l5 5M21.5 9.5l-5 5',
  help: 'M12 21.5a9.5 9.5 0 1 0 0-19 9.5 9.5 0 0 0 0 19zM9.4 9.4a2.7 2.7 0 1 1 3.9 2.5c-.9.5-1.3 1-1.3 1.9M12 17v.1',
  exit: 'M14 4H5.5v16H14M10 12h11M17.2 8l4 4-4 4',
  menu: 'M4 6.5h16M4 12h16M4 17.5h16',
  list: 'M8.5 6h12M8.5 12h12M8.5 18h12M3.8 6h.1M3.8 12h.1M3.8 18h.1',
  map: 'M3.5 6.2 9 3.8l6 2.4 5.5-2.4v14L15 20.2l-6-2.4-5.5 2.4zM9 3.8v14M15 6.2v14',
  route: 'M12 2.8 20.5 20.5 12 16.6 3.5 20.5z',
  copy: 'M8.5 8.5V4h11.5v11.5h-4.5M4 8.5h11.5V20H4z',
  eye: 'M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z',
} as const;

export function Glyph(p: { name: keyof typeof paths; size?: number }) {
  return (
    <Icon size={p.size ?? 18}>
      <path {...stroke} stroke-width="1.9" d={paths[p.name]} />
    </Icon>
  );
}

// The mark: a sole, seen from above.
export function Mark(p: { size?: number }) {
  return (
    <Icon size={p.size ?? 26} class="mark">
      <path
        fill="currentColor"
        d="M10.2 1.8c3.4-.3 5.6 2.5 5.6 6 0 2.9-1.3 4.4-1.3 6.7H7.7c0-2.2-2-4-2-7.2 0-3 1.8-5.2 4.5-5.5zM8 16.3h6.4c-.1 3.7-1.2 6-3.3 6S8 20 8 16.3z"
      />
    </Icon>
  );
}

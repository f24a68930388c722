// Everything that is set up, in one chunk.
export { Account } from './account.tsx';
export { Contacts } from './contacts.tsx';
export { Insoles } from './insoles.tsx';
export { Health, Past } from './months.tsx';
export { Teams } from './teams.tsx';
export { Users } from './users.tsx';
export { Workers } from './workers.tsx';
export { Zones } from './zones.tsx';

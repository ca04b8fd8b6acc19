/** What table and cards are given. */
import type { Act, FleetRow } from '../lib/protocol/generated';
import type { Fleet } from './fleet.svelte';

/** Rows to show, and what to do with them. */
export interface RowsProps {
  rows: FleetRow[];
  fleet: Fleet;
  /** What the user of a row is called. */
  name: (row: FleetRow) => string;
  /** Somebody wants something done to a row. */
  act: (row: FleetRow, what: Act | 'start') => void;
}

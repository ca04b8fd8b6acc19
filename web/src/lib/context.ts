/** What components find around them instead of being handed it. */
import { createContext } from 'svelte';
import type { Conversation } from './chat/conversation.svelte';
import type { Session } from './session.svelte';

/** The session of whoever is signed in. */
export const [useSession, provideSession] = createContext<Session>();

/** The conversation that the pane shows. */
export const [useConversation, provideConversation] = createContext<Conversation>();

/** What the demo's scripted model understands, as a person would type it. */

/** What an example shows. */
export type Shown = 'stream' | 'think' | 'run' | 'write' | 'ask' | 'plan';

/** Examples in the order in which they are offered. */
export const DEMO_EXAMPLES: readonly (readonly [Shown, string])[] = [
  ['stream', 'SLOW 60 50'],
  ['think', 'THINK'],
  ['run', 'TOOL:Bash ls -la'],
  ['write', 'TOOL:Write {"file_path":"/workspace/hello.txt","content":"hello\\n"}'],
  [
    'ask',
    'TOOL:AskUserQuestion {"questions":[{"question":"Which colour?","header":"Colour","multiSelect":false,"options":[{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}]}]}',
  ],
  ['plan', 'TOOL:EnterPlanMode\nTEXT First I read the tests, then I mend the sum. ||| TOOL:ExitPlanMode {}'],
];

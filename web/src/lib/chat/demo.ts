/** What the demo's scripted model understands, as a person would type it. */
export const DEMO_EXAMPLES: readonly string[] = [
  'SLOW 60 50',
  'THINK',
  'TOOL:Bash ls -la',
  'TOOL:Write {"file_path":"/workspace/hello.txt","content":"hello\\n"}',
  'TOOL:AskUserQuestion {"questions":[{"question":"Which colour?","header":"Colour","multiSelect":false,"options":[{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}]}]}',
  'TOOL:ExitPlanMode {}',
];

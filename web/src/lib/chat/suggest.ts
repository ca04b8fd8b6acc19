/** What "always" would cover, in words. Pure. */
import { code } from '../i18n/code';
import type { Dictionary } from '../i18n/en';
import type { Rule, Suggestion } from '../protocol/generated';
import { modeWords } from './codes';
import { toolName } from './tools';

/** A suggestion in words, with commands and folders marked as code. */
export function suggestionWords(suggestion: Suggestion, t: Dictionary): string {
  const words = t.prompts.alwaysWhat;
  switch (suggestion.type) {
    case 'rules':
      return words.rules(
        suggestion.rules.map((rule) => ruleWords(rule, t)).join(words.and),
        suggestion.reach,
      );
    case 'mode':
      return suggestion.mode === 'acceptEdits'
        ? words.mode.acceptEdits(suggestion.reach)
        : words.mode.other(modeWords(suggestion.mode, t).name, suggestion.reach);
    case 'directories': {
      const { directories, reach } = suggestion;
      return words.folders(directories.map(code).join(words.and), directories.length, reach);
    }
  }
}

/** One rule of the CLI's rule language: nothing, `prefix:*`, `domain:name`, or exactly this. */
function ruleWords({ tool, content }: Rule, t: Dictionary): string {
  const words = t.prompts.alwaysWhat;
  if (!content) return words.every(code(toolName(tool)));
  const beginning = /^(.*?):?\*$/s.exec(content)?.[1];
  if (tool === 'Bash' && beginning) return words.beginning(code(beginning.trimEnd()));
  const domain = /^domain:(.+)$/.exec(content)?.[1];
  if (domain) return words.domain(code(domain));
  return tool === 'Bash' ? code(content) : `${toolName(tool)} ${code(content)}`;
}

/** The questions of AskUserQuestion, read without trust in their shape, and the answers to them. Pure. */
import { isObject, list, text } from './payload';

/** One choice. */
export interface Option {
  readonly label: string;
  readonly description: string;
  readonly preview: string;
}

/** One question. */
export interface Question {
  readonly question: string;
  readonly header: string;
  readonly multiple: boolean;
  readonly options: readonly Option[];
}

/** What is chosen for one question: labels, and the person's own words if they chose to use them. */
export interface Choice {
  readonly labels: readonly string[];
  readonly own?: string | undefined;
}

/** The questions in a tool's input. */
export function readQuestions(input: unknown): Question[] {
  return list(input, 'questions').flatMap((entry) => {
    const question = text(entry, 'question');
    if (!isObject(entry) || question === undefined) return [];
    const options = list(entry, 'options').flatMap(readOption);
    return [
      { question, header: text(entry, 'header') ?? '', multiple: entry['multiSelect'] === true, options },
    ];
  });
}

/** The answers by the question's text; questions left open are missing. */
export function answersOf(
  questions: readonly Question[],
  choices: readonly Choice[],
): Record<string, string> {
  const answers = questions.flatMap(({ question }, index): [string, string][] => {
    const answer = answerOf(choices[index]);
    return answer === '' ? [] : [[question, answer]];
  });
  return Object.fromEntries(answers);
}

function answerOf(choice: Choice | undefined): string {
  if (!choice) return '';
  const own = choice.own?.trim() ?? '';
  return [...choice.labels, ...(own ? [own] : [])].join(', ');
}

function readOption(entry: unknown): Option[] {
  const label = text(entry, 'label');
  if (label === undefined) return [];
  return [{ label, description: text(entry, 'description') ?? '', preview: text(entry, 'preview') ?? '' }];
}

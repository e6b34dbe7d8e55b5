/** What the run knows of a learner whom it made ask for deletion. */
export interface AskedLearner {
  /** In the order of asking. */
  readonly number: number;
  readonly userId: number;
  readonly username: string;
  readonly orgs: readonly string[];
  /** The third party refuses to forget them: they end ERRORED, unless they cancel. */
  readonly isDoomed: boolean;
  /** Milliseconds since the run began. */
  readonly askedAtMs: number;
  /** What operators sent, whether or not it was answered. */
  resumes: number;
  reruns: number;
  /** An operator was told that the cancel was accepted. */
  wasToldCancelled: boolean;
  /** Edits for a course under the wiki username of the cast. */
  isLinked: boolean;
}

export interface People {
  add(learner: AskedLearner): void;
  find(number: number): AskedLearner | undefined;
  findUser(userId: number): AskedLearner | undefined;
  all(): readonly AskedLearner[];
}

export function createPeople(): People {
  const byNumber = new Map<number, AskedLearner>();
  return {
    add: (learner) => void byNumber.set(learner.number, learner),
    find: (number) => byNumber.get(number),
    findUser: (userId) => [...byNumber.values()].find((learner) => learner.userId === userId),
    all: () => [...byNumber.values()],
  };
}

/** A server that takes so many milliseconds for each answer; sends its port by a message. */
import { answerAll } from './constant-answers.ts';

const ms = Number(process.argv[2]);

answerAll((answer) => setTimeout(answer, ms));

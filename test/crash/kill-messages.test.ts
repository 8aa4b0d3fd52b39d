/** `sendMessage`: no message is lost or doubled, the model is given valid lists only, effects happen once. */
import { describeKills } from "./describe-kills.ts";

describeKills(["message that waits", "message that cancels", "message that answers"], {
  sqlite: 23,
  redis: 31,
});

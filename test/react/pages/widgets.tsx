/** All of `holdpoint/react` and nothing else, for what it brings along. */
import { BlockList, HitlBlock, useHitl } from "holdpoint/react";

Object.assign(globalThis, { BlockList, HitlBlock, useHitl });

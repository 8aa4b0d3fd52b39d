import { describeLedger } from "./suites/all.ts";

describeLedger("cluster");

// Command engine compares cutover on Redis with a rival (asynq) and with a floor (the bare work in
// Redis and nothing else), in one run on one machine. Each subject runs N tasks of three steps that
// do nothing; it saves a checkpoint of 200 bytes after each of the first two steps, and records the
// final state after the third. In cutover, events and fencing are on.
//
//	go run . -n 100000 -c 64 -rounds 2
//	go run . -n 100000 -c 512 -subjects cutover,asynq -- --appendonly yes --appendfsync always
//	go run . -subjects cutover,waves -rounds 10     ten waves against one
//	go run . -n 999999 -c 512 -subjects cutover -rounds 1
//	go run . -mode growth -c 512    cutover alone at 10,000 to 999,999 tasks: speed and memory use
//	go run . -mode sequence         one task at a time, against bare round trips and the floor
//	go run . -mode fair             100 small plans, alone and beside a plan of -n tasks
//
// The program starts its own redis-servers on free ports, with the arguments after --. Every round
// runs all subjects one after the other, so that changes in the machine's load affect all subjects
// alike.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"log"
	"strings"
)

func main() {
	n := flag.Int("n", 100_000, "tasks, in fair those of the large plan")
	concurrency := flag.Int("c", 64, "tasks in flight")
	rounds := flag.Int("rounds", 0, "times that everything runs; 0 is 2 for compare, 10 for sequence, 5 for fair")
	names := flag.String("subjects", "floor,cutover,asynq", "what compare runs, the first is what the others are compared with")
	mode := flag.String("mode", "compare", "compare, growth, sequence or fair")
	addr := flag.String("addr", "", "for the processes that growth starts: the server")
	flag.Parse()
	var err error
	switch *mode {
	case "compare":
		err = compare(*n, *concurrency, cmp.Or(*rounds, 2), strings.Split(*names, ","), flag.Args())
	case "growth":
		err = growth(*concurrency, flag.Args())
	case createPart, sequencePart, runPart:
		err = doPart(*mode, *addr, *n, *concurrency)
	case "sequence":
		err = sequence(cmp.Or(*rounds, 10), flag.Args())
	case "fair":
		err = fair(*n, *concurrency, cmp.Or(*rounds, 5), flag.Args())
	default:
		err = fmt.Errorf("unknown mode %q", *mode)
	}
	if err != nil {
		log.Fatal(err)
	}
}

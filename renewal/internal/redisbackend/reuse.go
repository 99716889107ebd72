package redisbackend

import "github.com/redis/go-redis/v9"

// reusable holds commands with one number of arguments, which are used again with others. That
// depends on three properties of the client: Args returns the slice that the client sends, the
// client stores the result in the same object, and it touches no object after Exec has returned;
// see TestCommandsCanBeUsedAgain.
type reusable[C redis.Cmder] struct {
	cmds []C
	used int // the used ones come first
}

// next returns a command that is not in use, and its arguments as an empty slice: the caller has to
// append as many as there were. It returns zero values if all are in use.
func (r *reusable[C]) next() (cmd C, args []any) {
	if r.used == len(r.cmds) {
		return cmd, nil
	}
	cmd = r.cmds[r.used]
	r.used++
	return cmd, cmd.Args()[:0]
}

// keep adds a command that is in use.
func (r *reusable[C]) keep(cmd C) {
	r.cmds = append(r.cmds, cmd)
	r.used++
}

// reset makes all commands available again, without the keys and tokens of their last use.
func (r *reusable[C]) reset() {
	for _, cmd := range r.cmds[:r.used] {
		clear(cmd.Args()[1:])
	}
	r.used = 0
}

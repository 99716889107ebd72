package gateway

import "context"

// Lock is what Save does first.
func (t *FileTable) Lock(ctx context.Context) (func(), error) { return lockFile(ctx, t.path+".lock") }

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Bounds of a secret, in bytes.
const (
	minSecret = 16
	maxSecret = 64
)

// secretOf returns the bytes of a secret.
func secretOf(text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return nil, errors.New("is not whsec_ and base64")
	}
	if len(key) < minSecret || len(key) > maxSecret {
		return nil, fmt.Errorf("has %d bytes, it must be from %d to %d", len(key), minSecret, maxSecret)
	}
	return key, nil
}

// sign returns the header with the signatures.
func sign(secrets [][]byte, id, stamp string, body []byte) string {
	signatures := make([]string, len(secrets))
	for i, key := range secrets {
		mac := hmac.New(sha256.New, key)
		_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body) // a hash returns no error
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}

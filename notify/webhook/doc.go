// Package webhook is a sink for package notify that posts messages as JSON to a URL, as Standard
// Webhooks (https://www.standardwebhooks.com) describe it.
//
//	sink, err := webhook.New("https://hooks.example/cutover", webhook.Config{
//		Secrets: []string{os.Getenv("WEBHOOK_SECRET")},
//	})
//	n, err := notify.New(engine, "hooks", sink, notify.Config{})
//
// Each request has these headers:
//
//	webhook-id          the same whenever the message is sent again: receivers drop what they know
//	webhook-timestamp   when this request was made, in seconds since 1970
//	webhook-signature   "v1," and the base64 of the HMAC-SHA256 over id, timestamp and body, joined
//	                    by dots; one for each secret, separated by spaces
//
// To replace a secret, configure the new one before the old one, tell it to the receiver, and leave
// the old one out when every process has the new configuration.
//
// # Answers
//
//	2xx                                          sent
//	408, 425, 429, 5xx, no answer in time        tried again, after Retry-After if that is longer
//	any other 4xx, and redirects (3xx)           given up: a dead letter
//
// Redirects are not followed: they could lead anywhere. The host chooses the URL, which is not
// checked any further than that it is http or https; if others may choose it, check it before, and
// give the Client a transport that refuses internal addresses. Errors never contain the URL's
// query, its password, or the answer's body.
package webhook

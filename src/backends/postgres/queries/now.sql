-- Epoch milliseconds by the server's clock.
SELECT {schema}.now_ms()

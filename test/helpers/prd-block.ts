// AlgoFlow's `telemetry:` block as its requirements document prints it: it must be taken as it is.

export const PRD_BLOCK = `telemetry:
  privacy:
    redact_fields:
      - "email"
      - "ssn"
      - "credit_card"
    hash_fields:
      - "user_id"
      - "session_id"
    sampling:
      default: 1.0
      by_workflow:
        "sensitive-workflow": 0.1
    retention_days: 30
`

// Stripe keys: sk_live_, sk_test_, rk_live_, pk_live_, whsec_

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const stripeKey = defineDetector({
  name: 'stripe_key',
  family: 'secret',
  about: 'Stripe keys: sk_live_, sk_test_, rk_live_, pk_live_, whsec_',
  checks: 'length',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'pk_live_', 'pk_test_', 'whsec_'].map(word => ({
    word,
    bits: Trigger.vendor
  })),
  hits: ['‹sk_live_abcdefGHIJKL0123456789mn›', '‹whsec_abcdefGHIJKL0123456789mnopqrst›'],
  misses: ['sk_live_', 'task_live_count_total_of_things'],
  find: matching(/(?<![A-Za-z0-9])(?:(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,255}|whsec_[A-Za-z0-9+/=]{16,255})/g)
})

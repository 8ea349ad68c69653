//! The settings file that `install` writes when there is none. Three lines are empty, and the others are comments, so
//! it sets nothing.

/// What stands in it: each setting with its default, or with an example where the default is that nothing is set.
pub(super) const TEMPLATE: &str = "\
# Settings of elks-mcp. One NAME=value a line, without quotes. A variable of the environment wins over this file.
# Others must not be able to read this file.

# The account at 46elks: fill in these three lines. A subaccount with a usagelimit is best.
ELKS_API_USERNAME=
ELKS_API_PASSWORD=
ELKS_PHONE_NUMBER=

# Of the lines below, take the # away from those that you need.

# In place of ELKS_API_USERNAME and ELKS_API_PASSWORD, the absolute path of a file with the value.
# ELKS_API_USERNAME_FILE=
# ELKS_API_PASSWORD_FILE=

# The password is in the system's keyring: only with a program that is built with the feature keyring.
# ELKS_KEYRING=false

# Nothing is sent until this is false.
# DRY_RUN=true

# Ask before each real send (true), or only before the first one to a recipient (first-contact).
# CONFIRM_SENDS=false

# Who may be sent to, and from which senders. * is anyone. Lists have commas between their entries.
# ELKS_ALLOWED_RECIPIENTS=*
# ELKS_BLOCKED_RECIPIENTS=
# ELKS_ALLOWED_COUNTRIES=*
# ELKS_CONTACTS=
# ELKS_CONTACTS_ONLY=false
# ELKS_ALLOWED_SENDERS=*

# How many messages: in any minute, in any 24 hours, and in any 24 hours to one recipient.
# RATE_LIMIT_SMS_PER_MINUTE=10
# ELKS_MAX_SMS_PER_DAY=100
# ELKS_MAX_SMS_PER_RECIPIENT_PER_DAY=20

# For how much, in the account's currency: in any 24 hours, in any 30 days, and for one message. * is no limit.
# ELKS_SPEND_PER_DAY=*
# ELKS_SPEND_PER_MONTH=*
# ELKS_MAX_PRICE=*
# ELKS_MAX_PARTS=*

# When nothing is sent, such as 21:00-08:00 Europe/Stockholm. How many minutes the same message is not sent again.
# ELKS_QUIET_HOURS=
# ELKS_DUPLICATE_MINUTES=15

# Calls of the other tools in any minute.
# RATE_LIMIT_QUERIES_PER_MINUTE=60

# The absolute path of a file with more of the policy.
# ELKS_POLICY_FILE=

# The journal of sends: its folder (the system's when it is not set), disk or memory, and how many days it is kept.
# ELKS_STATE_DIR=
# ELKS_STATE=disk
# ELKS_KEEP_DAYS=90

# The journal of all computers that share the account, in PostgreSQL: only with a program that is built with the feature
# postgres. The address, or the absolute path of a file with it.
# ELKS_LEDGER=
# ELKS_LEDGER_FILE=
";

UPDATE consumer_groups SET token = NULL WHERE name = $group AND token = $token;

SELECT partitions FROM topics WHERE topic = $topic;
